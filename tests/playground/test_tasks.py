"""Tasks by name: another one's knob, an unknown one, and a run of one that this version lacks are
one sentence each, wherever they come from."""

import json
from typing import Annotated, Literal

import pytest
from sqlalchemy import create_engine, text

from playground import Control, answers
from playground.errors import SpecError
from playground.export import bundle
from playground.knobs import Knob
from playground.runs.store import open_store
from playground.settings import Settings
from playground.spec import TASK_KNOB, RunSpec, fields, knobs
from playground.tasks import TASKS, Task, known
from playground.tasks.classification import ClassificationSpec

EVERY = ", ".join([*TASKS, "other"])


class OtherSpec(RunSpec):
    task: Annotated[Literal["other"], TASK_KNOB] = "other"
    partners: Annotated[int, Knob("Partners", "How many.", low=1, high=9)] = 2


class Other(Task):
    name, title, Spec = "other", "Another task", OtherSpec
    inputs = known("y_true", "y_pred", "teacher_logits")


@pytest.fixture(autouse=True)
def other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TASKS, "other", Other())


def test_a_spec_is_that_of_its_task() -> None:
    assert type(RunSpec()) is ClassificationSpec and type(RunSpec(task="other")) is OtherSpec
    spec = RunSpec(task="other", partners=3, dataset="digits")
    assert RunSpec.from_json(spec.to_json()) == spec
    assert RunSpec.from_query(spec.to_query()) == (spec, [])
    assert spec.to_query() == {"task": "other", "partners": "3", "dataset": "digits"}
    assert spec.epochs == 30  # what suits digits, where this task has the field
    changed = spec.model_copy(update={"partners": 4})
    assert type(changed) is OtherSpec and changed.digest != spec.digest


def test_the_knobs_of_all_tasks_are_one_table() -> None:
    assert {"partners", "mixup", "epochs"} <= set(knobs())
    assert "mixup" not in knobs("other") and "partners" not in knobs("classification")
    assert list(knobs()["task"].choices or {}) == [*TASKS]
    assert list(fields()) == list(knobs())


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"partners": 3}, "partners: a setting of Another task; this run is Classification"),
        (
            {"task": "other", "mixup": 0.2},
            "mixup: a setting of Classification; this run is Another",
        ),
        (
            {"task": "<b>", "epochs": 2},
            f"task: expected one of {EVERY}; got '<b>'",
        ),
        ({"task": 3}, f"task: expected one of {EVERY}; got 3"),
        ({"nonsense": 3}, "nonsense: no such field"),
    ],
)
def test_what_is_of_another_task_is_one_sentence(values: dict, said: str) -> None:
    for ask in (RunSpec.parse, lambda v: RunSpec.from_json(json.dumps(v))):
        with pytest.raises(SpecError, match="^" + said.replace("(", r"\(")):
            ask(values)


def test_a_link_to_another_tasks_knob_or_an_unknown_task_falls_back_with_a_note() -> None:
    spec, notes = RunSpec.from_query({"partners": "3", "epochs": "2"})
    assert spec == RunSpec(epochs=2)
    assert notes == ["partners: a setting of Another task; this run is Classification; left out"]
    spec, notes = RunSpec.from_query({"task": "swimming", "epochs": "2"})
    assert spec == RunSpec(epochs=2)
    assert notes == [f"task: expected one of {EVERY}; got 'swimming'; using the default"]


def test_a_run_of_a_task_that_is_lacking_is_listed_and_says_so(
    tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(Settings(home=tmp_path))
    run_id = store.create(RunSpec(task="other", partners=3), "me")
    monkeypatch.delitem(TASKS, "other")
    (record,) = store.runs()
    assert record.id == run_id and record.spec.task == "other"
    assert "Run #1 learns 'other', which this version" in record.foreign
    with pytest.raises(SpecError, match="does not know"):
        bundle(store, run_id, lambda spec, weights: b"")
    store.close()


def test_a_recorded_spec_without_a_task_is_classification(tmp_path) -> None:
    store = open_store(Settings(home=tmp_path))
    run_id = store.create(RunSpec(dataset="digits"), "me")
    engine = create_engine(f"sqlite:///{tmp_path / 'playground.sqlite'}")
    with engine.begin() as connection:
        connection.execute(text("UPDATE runs SET spec = '{\"epochs\": 4}'"))
    found = store.run(run_id)
    assert found is not None and found.spec == RunSpec(epochs=4)
    store.close()


def test_a_name_of_another_task_is_refused_at_its_column_and_says_whose_it_is() -> None:
    text = "mean(square(logits - teacher_logits), axis=-1)"
    for ask in (answers.check, answers.metric):
        told = ask({"text": text, "parameters": {}}, Control())
        assert not told["ok"] and told["error"]["column"] == text.index("teacher") + 1
        assert (
            "needs teacher_logits, which comes with Incremental and Another task; this run is "
            "Classification" in (told["error"]["message"])
        )
    told = answers.check({"text": text, "parameters": {}, "task": "other"}, Control())
    assert told["error"]["column"] == text.index("logits") + 1
    assert (
        "needs logits, which comes with Classification and Incremental; this run is Another task"
        in (told["error"]["message"])
    )
    fits = "mean(square(y_pred - softmax(teacher_logits)), axis=-1)"
    assert answers.check({"text": fits, "parameters": {}, "task": "other"}, Control())["ok"]
    told = answers.check({"text": "distillation", "parameters": {}}, Control())
    assert "comes with Incremental and Another task" in told["refusal"]["message"]


def test_what_classification_provides_is_what_it_says() -> None:
    from playground.training.objective import PROVIDED

    assert set(TASKS["classification"].inputs) == set(PROVIDED)
