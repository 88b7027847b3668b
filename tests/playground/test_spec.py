"""RunSpec: round trips through JSON and URLs, and errors that name the field and its range."""

import json
import string
from typing import Any, get_origin

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from playground.datasets import SETS
from playground.errors import SpecError
from playground.knobs import MAX_LOSS_CHARACTERS, metric_key
from playground.spec import DEFAULT_TASK, MAX_METRICS, RunSpec, fields, knobs, spec_errors
from playground.tasks import TASKS

DATASETS = list(knobs()["dataset"].choices or {})
NUMBERS = [name for name, knob in knobs().items() if knob.low is not None]
CHOICES = [name for name, knob in knobs().items() if knob.choices is not None]

# What the URL writes (nine digits) must read back as the same number.
short_floats = st.floats(-1e6, 1e6).map(lambda number: float(f"{number:.9g}"))
weight = st.floats(0.001, 1000).map(lambda number: f"{number:.9g}")
parameter_names = st.text(string.ascii_letters + "αβγλ_", min_size=1, max_size=12).filter(
    lambda name: name.isidentifier() and not name.startswith("_")
)

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")).filter(
    lambda text: bool(text.strip())
)


def owner(name: str) -> dict[str, str]:
    """The task that a field is of, where not every task has it."""
    return (
        {} if name in knobs(DEFAULT_TASK) else {"task": next(t for t in TASKS if name in knobs(t))}
    )


@st.composite
def specs(draw: st.DrawFn) -> RunSpec:
    """Any valid spec: each field is left out or drawn from its knob."""
    task = draw(st.sampled_from(list(TASKS)))
    values: dict[str, Any] = {"task": task}
    for name, knob in knobs(task).items():
        if name == "task" or (name != "dataset" and draw(st.booleans())):
            continue
        kind = fields()[name].annotation
        classes = len(SETS[values["dataset"]].class_names) if "dataset" in values else 10
        if name == "dataset" and task == "detection":
            values[name] = draw(st.sampled_from([n for n, s in SETS.items() if s.shape[2] == 1]))
        elif knob.choices is not None:
            values[name] = draw(st.sampled_from(list(knob.choices)))
        elif name == "class_weights":
            weights = st.lists(weight, min_size=classes, max_size=classes).map(",".join)
            values[name] = draw(st.sampled_from(["none", "balanced"]) | weights)
        elif name == "groups":
            values[name] = draw(st.sampled_from(["one by one", "halves", f"{classes - 1},1"]))
        elif name == "class_order":
            orders = st.permutations(range(classes)).map(lambda order: ",".join(map(str, order)))
            values[name] = draw(st.sampled_from(["as they are", "shuffled"]) | orders)
        elif name == "train_images":
            most = SETS[values["dataset"]].train_count
            values[name] = draw(st.just(0) | st.integers(50, most))
        elif name == "validation_images":
            room = SETS[values["dataset"]].train_count - (values.get("train_images") or 50)
            some = st.integers(10, min(10_000, room)) if room >= 10 else st.nothing()
            values[name] = draw(st.just(0) | some)
        elif kind is bool:
            values[name] = draw(st.booleans())
        elif kind is int:
            values[name] = draw(st.integers(int(knob.low or 0), int(knob.high or 0)))
        elif kind is float:
            number = draw(st.floats(knob.low, knob.high))
            values[name] = min(max(float(f"{number:.9g}"), knob.low or 0), knob.high or 0)
        elif get_origin(kind) is dict:
            values[name] = draw(st.dictionaries(parameter_names, short_floats, max_size=5))
        elif get_origin(kind) is tuple:
            names = st.sampled_from(["brier", "macro_f1", "p_true", "accuracy"])
            values[name] = draw(st.lists(names | texts, max_size=MAX_METRICS))
        else:
            values[name] = draw(texts)
    if task == "incremental" and "epochs" in values:
        values["epochs"] = max(values["epochs"], 10)  # one for each phase
    if task == "incremental":  # exemplars are images, and of a class there may be few
        values["exemplars"] = min(values.get("exemplars", 1), 1)
        values["memory"] = min(values.get("memory", 0), 10)
    return RunSpec(**values)


@given(specs())
def test_json_gives_the_same_spec_back(spec: RunSpec) -> None:
    again = RunSpec.from_json(spec.to_json())
    assert again == spec
    assert again.digest == spec.digest


@given(specs())
def test_a_url_gives_the_same_spec_back(spec: RunSpec) -> None:
    query = spec.to_query()
    assert all(isinstance(text, str) for text in query.values())
    assert RunSpec.from_query(query) == (spec, [])


@given(specs(), specs())
def test_two_specs_share_a_digest_only_if_they_are_equal(one: RunSpec, other: RunSpec) -> None:
    exact = [each.model_copy(update={"precision": each.dtype}) for each in (one, other)]
    assert (one.digest == other.digest) == (exact[0] == exact[1])


@given(specs(), specs())
def test_a_url_written_beside_a_base_reads_with_and_without_it(
    base: RunSpec, spec: RunSpec
) -> None:
    query = spec.to_query(base)
    assert RunSpec.from_query(query, base) == (spec, [])
    assert RunSpec.from_query(query) == (spec, [])


def test_the_default_needs_no_query() -> None:
    assert RunSpec().to_query() == {}
    assert RunSpec.from_query({}) == (RunSpec(), [])


@pytest.mark.parametrize("dataset", DATASETS)
def test_a_data_set_brings_its_defaults(dataset: str) -> None:
    spec = RunSpec(dataset=dataset)
    for name, value in SETS[dataset].defaults.items():
        task = owner(name).get("task", DEFAULT_TASK)
        assert getattr(RunSpec(task=task, dataset=dataset), name) == value
    assert set(spec.to_query()) <= {"dataset"}
    assert RunSpec.from_query({"dataset": dataset})[0] == spec
    assert RunSpec(dataset=dataset, epochs=7).epochs == 7


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_out_of_range_names_the_field_and_the_range(name: str) -> None:
    knob = knobs()[name]
    assert knob.low is not None and knob.high is not None
    for wrong in (knob.low - 1, knob.high * 2 + 1, -(10**30), 10**30):
        with pytest.raises(SpecError) as caught:
            RunSpec.parse({**owner(name), name: int(wrong)})
        assert caught.value.field == name
        assert str(caught.value).startswith(f"{name}: expected ")
        assert f" {knob.high:.10g}; got" in str(caught.value).replace(",", "")


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("wrong", ["many", None, [], {}, float("nan"), float("inf"), "", object()])
def test_what_is_no_number_is_refused_by_name(name: str, wrong: Any) -> None:
    with pytest.raises(SpecError) as caught:
        RunSpec.parse({**owner(name), name: wrong})
    assert caught.value.field == name
    assert "expected" in caught.value.message


@pytest.mark.parametrize("name", CHOICES)
@pytest.mark.parametrize("wrong", ["none of them", "", None, 3, "<b>x</b>" * 50])
def test_a_wrong_choice_names_the_field(name: str, wrong: Any) -> None:
    with pytest.raises(SpecError) as caught:
        RunSpec.parse({**owner(name), name: wrong})
    assert caught.value.field == name
    if isinstance(wrong, str):
        assert all(choice in caught.value.message for choice in knobs()[name].choices or {})
    assert len(caught.value.message) < 250


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("train_images", 49, "expected 0 (all) or 50 to 60,000; got 49"),
        ("loss", "  \n ", "expected the name or the text of a loss; got none"),
        ("loss", "x" * (MAX_LOSS_CHARACTERS + 1), "at most 10,000 characters; got 10,001"),
        ("loss", "y_true\0", "expected plain text"),
        ("loss", "\ud800", "expected plain text"),
        ("loss", 3, "expected text; got 3"),
        ("loss_parameters", {"__class__": 1.0}, "expected parameter names"),
        ("loss_parameters", {"a b": 1.0}, "expected parameter names"),
        ("loss_parameters", {"a": float("nan")}, "expected names with numbers; got nan"),
        ("loss_parameters", {"a": "high"}, "expected"),
        ("loss_parameters", {f"p{n}": 0.0 for n in range(33)}, "expected at most 32; got 33"),
        ("metrics", ["brier", " "], "expected the name or the text of a metric; got none"),
        ("metrics", ["x" * (MAX_LOSS_CHARACTERS + 1)], "at most 10,000 characters; got 10,001"),
        ("metrics", ["y_pred\0"], "expected plain text"),
        ("metrics", [3], "expected a list of names or texts; got 3"),
        ("metrics", None, "expected a list of names or texts; got None"),
        ("metrics", [f"m{n}" for n in range(7)], "expected at most 6; got 7"),
        ("batch_norm", "perhaps", "expected true or false; got 'perhaps'"),
        ("colour", "red", "no such field"),
    ],
)
def test_each_bad_value_is_named(field: str, value: Any, said: str) -> None:
    with pytest.raises(SpecError) as caught:
        RunSpec.parse({field: value})
    assert caught.value.field == field
    assert said in caught.value.message


@pytest.mark.parametrize("dataset", DATASETS)
def test_no_more_images_than_the_data_set_has(dataset: str) -> None:
    most = SETS[dataset].train_count
    assert RunSpec(dataset=dataset, train_images=most).train_images == most
    with pytest.raises(SpecError, match=rf"expected 0 .*to ({most}|{most:,}); got"):
        RunSpec.parse({"dataset": dataset, "train_images": most + 1})


def test_every_wrong_field_is_found_once() -> None:
    with pytest.raises(ValidationError) as caught:
        RunSpec(epochs=0, width=-1, dataset="x", loss_parameters={"a": "b", "c": "d"})
    assert {error.field for error in spec_errors(caught.value)} == {
        "epochs", "width", "dataset", "loss_parameters",
    }  # fmt: skip


def test_a_bad_link_falls_back_with_notes() -> None:
    spec, notes = RunSpec.from_query(
        {"dataset": "cifar10", "epochs": "-3", "width": "wide", "loss.gamma": "x", "run": "abc"}
    )
    assert spec == RunSpec(dataset="cifar10")
    assert len(notes) == 3
    for name in ("epochs", "width", "loss.gamma"):
        assert any(note.startswith(f"{name}:") for note in notes)


def test_a_link_that_a_default_does_not_go_with_falls_back_to_defaults() -> None:
    """400 images are fewer of a class than the exemplars that are kept by default."""
    asked = {"task": "incremental", "dataset": "digits", "train_images": "400", "width": "8"}
    spec, notes = RunSpec.from_query(asked)
    assert spec == RunSpec.from_query({"task": "incremental", "dataset": "digits"})[0]
    assert len(notes) == 1 and notes[0].startswith("exemplars: expected at most 36")


@given(
    st.dictionaries(st.sampled_from([*knobs(), "loss.gamma", "loss.", "x"]), st.text(max_size=20))
)
def test_no_link_can_break_the_page(query: dict[str, str]) -> None:
    spec, notes = RunSpec.from_query(query)
    assert RunSpec.from_query(spec.to_query()) == (spec, [])
    assert all(isinstance(note, str) and len(note) < 400 for note in notes)


@pytest.mark.parametrize(
    "text", ["", "[]", "3", "{", "null", '"x"', '{"epochs": NaN}', "[" * 100_000]
)
def test_json_that_is_no_spec_is_refused(text: str) -> None:
    with pytest.raises(SpecError):
        RunSpec.from_json(text)


def test_metrics_are_short_in_a_link_where_they_can_be() -> None:
    named = RunSpec(metrics=("brier", "macro_f1"))
    assert named.to_query() == {"metrics": "brier,macro_f1"}
    text = "mean(p_true[labels == 3]), 'ü'"
    written = RunSpec(metrics=("brier", text))
    assert RunSpec.from_query(written.to_query()) == (written, [])
    assert RunSpec.from_query({"metrics": text})[0].metrics == (text,)
    assert RunSpec.from_query({"metrics": "[p_true]"})[0].metrics == ("[p_true]",)
    assert RunSpec.from_query({"metrics": ""}, named)[0].metrics == ()


def test_a_metric_counts_once_and_accuracy_is_there_anyway() -> None:
    spec = RunSpec(metrics=["accuracy", "brier", "brier"])
    assert spec.metrics == ("brier",)
    assert RunSpec.from_json(json.dumps({"epochs": 2})).metrics == ()  # from before there were any


def test_a_metric_is_recorded_under_one_short_name_in_every_run() -> None:
    assert metric_key("brier") == "brier"
    assert metric_key("p_true > 0.5") == metric_key("p_true > 0.5") != metric_key("p_true > 0.6")
    assert metric_key("p_true > 0.5").isidentifier()


def test_a_spec_is_frozen_and_its_json_is_canonical() -> None:
    spec = RunSpec(loss_parameters={"b": 1, "a": 2})
    with pytest.raises(ValidationError):
        spec.epochs = 4  # type: ignore[misc]
    text = spec.to_json()
    assert list(json.loads(text)) == sorted(json.loads(text))
    assert text == RunSpec(loss_parameters={"a": 2, "b": 1}).to_json()


def test_every_field_has_a_knob_with_its_words() -> None:
    assert list(knobs()) == list(fields())
    for name, knob in knobs().items():
        default = fields()[name].default
        assert knob.label and knob.help.endswith(".")
        if knob.choices is not None:
            assert default in knob.choices
        if knob.low is not None:
            assert knob.high is not None and knob.low <= default <= knob.high
