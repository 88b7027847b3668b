"""Incremental: phases of classes, teacher, exemplars, corrections, and what is forgotten."""

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from scipy.optimize import minimize_scalar

import losses
from playground import RunSpec, datasets, export, methods, train, trainable
from playground.errors import SpecError
from playground.runs.store import open_store
from playground.settings import Settings
from playground.tasks import TASKS
from playground.tasks.incremental import TASK
from playground.training import exemplars, loop
from playground.training.changes import loss_change
from playground.training.control import Control
from playground.training.events import Changed, Evaluated, Finished, Snapshot, Started
from playground.training.importance import DAMPING, Importance, squared_slopes
from playground.training.incremental import IncrementalWork
from playground.verdicts import fit, forgetting
from tests.playground.test_export import accuracy, taken_home

PLAIN = "cross_entropy()"


def spec(**changes: Any) -> RunSpec:
    return RunSpec(**{"task": "incremental", "dataset": "digits", "epochs": 5, **changes})


def work_of(**changes: Any) -> IncrementalWork:
    made = spec(**changes)
    return IncrementalWork(made, datasets.load(made.dataset))


# Pure functions, by hand in float64


def test_herding_is_the_papers_greedy_choice() -> None:
    draw = np.random.default_rng(0)
    features = draw.normal(size=(30, 4)) + 1
    x = features / np.linalg.norm(features, axis=1, keepdims=True)
    mean, chosen = x.mean(axis=0), []
    for k in range(1, 8):  # iCaRL, algorithm 4, line 3, each candidate tried
        apart = {
            i: np.linalg.norm(mean - (x[chosen].sum(axis=0) + x[i]) / k)
            for i in range(30)
            if i not in chosen
        }
        chosen.append(min(apart, key=lambda i: apart[i]))
    np.testing.assert_array_equal(exemplars.herded(features, 7), chosen)
    assert sorted(exemplars.herded(features, 99)) == list(range(30))


def test_the_nearest_mean_goes_by_direction() -> None:
    features = np.array([[3.0, 0.0], [1.0, 0.0], [0.0, 2.0]])
    means = exemplars.class_means(features, np.array([0, 0, 2]), 3)
    np.testing.assert_allclose(means[[0, 2]], [[1, 0], [0, 1]])
    assert np.isnan(means[1]).all()
    scores = exemplars.nearest_mean(np.array([[0.1, 9.0], [5.0, 1.0]]), means)
    np.testing.assert_array_equal(scores.argmax(axis=1), [2, 0])
    assert np.isneginf(scores[:, 1]).all()
    # |x - m|² of directions is 2 - 2 cos.
    assert scores[1, 0] == pytest.approx(-(2 - 2 * 5 / np.sqrt(26)))


def test_weights_are_aligned_by_their_mean_lengths() -> None:
    kernel = np.array([[3.0, 0.0, 6.0, 0.0], [4.0, 1.0, 8.0, 2.0]])  # lengths 5, 1, 10, 2
    old, new = np.array([1, 1, 0, 0], bool), np.array([0, 0, 1, 1], bool)
    assert exemplars.aligned(kernel, old, new) == pytest.approx(3 / 6)
    assert exemplars.aligned(kernel, old & ~old, new) == 1


def test_bias_correction_is_least_in_cross_entropy() -> None:
    draw = np.random.default_rng(0)
    logits, labels = draw.normal(size=(400, 4)), draw.integers(0, 4, 400)
    logits[np.arange(400), labels] += 2
    logits[:, 2:] = logits[:, 2:] * 1.7 + 1.5  # what BiC takes back
    new = np.array([0, 0, 1, 1], bool)

    def value(a: float, b: float) -> float:
        z = np.where(new, a * logits + b, logits)
        log_sum = np.log(np.exp(z).sum(axis=1))
        return float((log_sum - z[np.arange(400), labels]).mean())

    a, b = exemplars.bias_of(logits, labels, new)
    found = minimize_scalar(
        lambda a: minimize_scalar(functools.partial(value, a), bounds=(-5, 5)).fun, bounds=(0.1, 3)
    )
    assert value(a, b) == pytest.approx(found.fun, abs=1e-6)
    assert value(a, b) < value(1, 0) - 0.1 and b < 0


def test_fisher_information_is_the_mean_of_squared_slopes() -> None:
    x, weights = np.array([0.7, -1.2]), np.array([[0.3, -0.5, 0.1], [0.2, 0.4, -0.6]])
    p = np.exp(x @ weights) / np.exp(x @ weights).sum()
    kernel = tf.Variable(weights.astype(np.float32))
    images = np.repeat(x[None].astype(np.float32), 300, axis=0)
    (found,) = squared_slopes(lambda images: images @ kernel, [kernel], images, seed=1)
    # By each answer y the slope of log p(y) is x (e_y - p); in what shares they were drawn follows
    # from three of the weights, and the other three must agree.
    by_answer = np.stack([np.square(np.outer(x, np.eye(3)[y] - p)) for y in range(3)])
    shares = np.linalg.solve(by_answer[:, 0].T, found[0])
    assert shares.sum() == pytest.approx(1, abs=1e-4)
    np.testing.assert_allclose(shares, p, atol=4 * np.sqrt(0.25 / 300))
    np.testing.assert_allclose(found, np.tensordot(shares, by_answer, 1), rtol=1e-4)


def test_importance_adds_up_over_phases_by_the_papers_formulas() -> None:
    """EWC, SI and equal weights on a loss (w - t)² / 2 by hand in float64, two phases of steps."""
    for kind in ("equal", "fisher", "path"):
        variable = tf.Variable([1.0, -2.0, 0.5])
        importance = Importance(kind, [variable])
        w, omega, anchor = np.array([1.0, -2.0, 0.5]), np.zeros(3), np.array([1.0, -2.0, 0.5])
        for phase, target in enumerate(([0.0, -2.0, 2.0], [1.0, 1.0, 1.0])):
            path = np.zeros(3)
            for _ in range(5):
                slope = w - np.array(target)
                with importance.stepping([tf.constant(slope, tf.float32)]):
                    variable.assign_sub(0.3 * slope)
                path += slope * 0.3 * slope
                w = w - 0.3 * slope
            fisher = np.array([0.5, 0.0, 2.0]) * (phase + 1)
            importance.turn(lambda _, fisher=fisher: [fisher])
            if kind == "equal":
                omega = np.ones(3)
            elif kind == "fisher":
                omega = omega + fisher
            else:
                omega = omega + path / (np.square(w - anchor) + DAMPING)
            anchor = w
        variable.assign_add([0.1, 0.2, -0.3])
        expected = (omega * np.square([0.1, 0.2, -0.3])).sum()
        assert float(importance.drift()) == pytest.approx(expected, rel=1e-4), kind
        again = Importance(kind, [tf.Variable(variable)])
        again.restore(importance.as_arrays())
        assert float(again.drift()) == pytest.approx(expected, rel=1e-4)


# Settings


@pytest.mark.parametrize(
    ("groups", "sizes"),
    [
        ("pairs", [2] * 5),
        ("one by one", [2] + [1] * 8),
        ("halves", [5, 5]),
        ("4, 3,3", [4, 3, 3]),
    ],
)
def test_classes_come_in_groups(groups: str, sizes: list[int]) -> None:
    made = spec(groups=groups, epochs=20, class_order="shuffled", seed=3)
    assert [len(each) for each in made.class_groups] == sizes
    order = [each for group in made.class_groups for each in group]
    assert sorted(order) == list(range(10)) and order != list(range(10))
    assert made.class_groups == spec(**made.model_dump()).class_groups
    assert sum(made.phase_epochs) == 20 and max(made.phase_epochs) - min(made.phase_epochs) <= 1


@pytest.mark.parametrize("dataset", ["mnist", "fashion_mnist", "cifar10", "digits"])
@pytest.mark.parametrize("groups", ["pairs", "one by one", "halves", "4,3,3"])
def test_epochs_left_out_are_enough_for_each_phase(dataset: str, groups: str) -> None:
    made = RunSpec(task="incremental", dataset=dataset, groups=groups)
    assert min(made.phase_epochs) >= 1 and made.epochs >= RunSpec(dataset=dataset).epochs


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"groups": "4,4"}, "groups: expected pairs, one by one, halves, or at least two numbers"),
        ({"groups": "ten"}, "groups: expected pairs"),
        ({"class_order": "1,2,3"}, "class_order: expected as they are, shuffled, or each of 0 to"),
        ({"epochs": 4}, "expected at least 5, one for each phase; got 4"),
        ({"replay": 1.0}, r"replay: expected 0\.05 to 0\.9"),
        ({"groups": "4,0,6"}, "groups: expected pairs"),
        ({"class_order": "1,1,2,3,4,5,6,7,8,9"}, "class_order: expected as they are"),
        ({"class_order": "backwards"}, "class_order: expected as they are"),
        ({"exemplars": 200}, "exemplars: expected at most 129, the images that a class has; got 2"),
        ({"exemplars": 0}, "exemplars: expected 1 to"),
        ({"memory": 5000}, "memory: expected at most 1,293, the images to train on; got 5,000"),
        ({"kept": "some"}, "kept: expected one of none, exemplars, all"),
        ({"mixup": 0.2}, "mixup: a setting of Classification; this run is Incremental"),
    ],
)
def test_a_bad_setting_names_its_field(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(SpecError, match=said):
        RunSpec.parse({"task": "incremental", "dataset": "digits", "epochs": 10, **changes})


def test_a_phase_without_images_is_refused_in_words() -> None:
    own = {"groups": "one by one", "epochs": 9, "train_images": 50, "kept": "none"}
    digits = datasets.load("digits")
    # Fifty draws of ten classes: one is soon left out.
    few = (spec(**own, seed=seed) for seed in range(100))
    alone = set(range(2, 10))  # each is a phase
    lacking = next(
        each for each in few if not alone <= set(datasets.split(digits, each).train_labels)
    )
    with pytest.raises(
        SpecError, match=r"train_images: of the classes of phase \d no image"
    ) as told:
        loop.prepare(lacking)
    assert "another seed" in told.value.operator_hint


# Phases


def test_a_phase_has_its_classes_and_the_memory() -> None:
    work = work_of(exemplars=7, replay=0.25)
    labels = work.rows["train"]["labels"]
    assert set(labels[work.phases[0].rows]) == {0, 1}
    work.turn(1)
    assert {value: len(rows) for value, rows in work.memory.items()} == {0: 7, 1: 7}
    work.turn(2)
    rows = work.phases[2].rows
    old = np.isin(labels[rows], [0, 1, 2, 3])
    assert set(labels[rows]) == {0, 1, 2, 3, 4, 5}
    assert old.mean() == pytest.approx(0.25, abs=0.01)
    used = np.unique(rows[old], return_counts=True)[1]
    assert len(used) == 28 and used.max() - used.min() <= 1


def test_a_memory_in_all_is_shared_and_keeps_the_best_of_each() -> None:
    work = work_of(memory=12, selection="herding")
    work.turn(1)
    before = dict(work.memory)
    work.turn(2)
    assert [len(rows) for rows in work.memory.values()] == [3, 3, 3, 3]
    for value in (0, 1):
        assert len(before[value]) == 6
        np.testing.assert_array_equal(work.memory[value], before[value][:3])


def test_nothing_or_everything_may_be_kept() -> None:
    nothing, everything = work_of(kept="none"), work_of(kept="all")
    for work in (nothing, everything):
        work.turn(1)
    labels = nothing.rows["train"]["labels"]
    assert set(labels[nothing.phases[1].rows]) == {2, 3}
    assert len(everything.phases[1].rows) == np.isin(labels, [0, 1, 2, 3]).sum()


def test_what_a_loss_is_given() -> None:
    work = work_of()
    work.turn(1)
    rows = {name: tf.constant(each[:400]) for name, each in work.rows["train"].items()}
    rows["labels"] = tf.cast(rows["labels"], tf.int32)
    batch = work.batch(rows, None)
    outputs = {
        "logits": tf.random.stateless_normal((400, 10), (1, 2)),
        "features": tf.zeros((400, 64)),
    }
    clock = (tf.constant(1.0), tf.constant(0.0), tf.constant(0.0))
    given = {
        name: np.asarray(each)
        for name, each in work.provided(outputs, batch.parts[0][1], clock).items()
    }
    np.testing.assert_array_equal(given["old"], [1, 1, 0, 0, 0, 0, 0, 0, 0, 0])
    np.testing.assert_array_equal(given["new"], [0, 0, 1, 1, 0, 0, 0, 0, 0, 0])
    np.testing.assert_array_equal(given["seen"], given["old"] + given["new"])
    np.testing.assert_array_equal(given["exemplar"], np.isin(given["labels"], [0, 1]))
    assert given["phase"] == 1
    assert np.all(given["y_pred"][:, 4:] < 1e-12)
    np.testing.assert_allclose(given["y_pred"].sum(axis=1), 1, rtol=1e-6)
    for name in ("teacher_logits", "old_logits"):
        p = np.exp(given[name] - given[name].max(axis=1, keepdims=True))
        assert np.all(p[:, 2:] < 1e-12), name
    np.testing.assert_allclose(given["old_logits"][:, :2], outputs["logits"][:, :2])


def test_weight_drift_is_nothing_until_a_phase_has_ended() -> None:
    work = work_of()
    weights = work.built.giving(("logits",)).trainable_variables
    for moved in (False, True):
        for each in weights:
            each.assign_add(np.full(each.shape, 0.1, np.float32))
        count = sum(int(np.prod(each.shape)) for each in weights)
        expected = 0.01 * count if moved else 0
        assert float(work.importance.drift()) == pytest.approx(expected, rel=1e-3)
        work.turn(1)
        assert float(work.importance.drift()) == 0


def test_exemplars_alone_may_be_augmented() -> None:
    work = work_of(augmented="exemplars", shift=2)
    work.turn(1)
    rows = {name: tf.constant(each[:200]) for name, each in work.rows["train"].items()}
    moved = work.batch(rows, tf.constant(3)).inputs["images"].numpy()
    same = np.all(moved == rows["images"].numpy(), axis=(1, 2, 3))
    old = np.isin(rows["labels"], [0, 1])
    assert same[~old].all() and same[old].mean() < 0.2


def test_masked_classes_do_not_learn_as_in_a_head_that_grows() -> None:
    training = loop.prepare(spec(width=4, l2=0.0))
    kernel = training.model.get_layer("logits").kernel
    before = kernel.numpy()
    control = Control()
    for event in training.events(control):
        if isinstance(event, Changed) and event.kind == "phase":
            break
    changed = np.any(kernel.numpy() != before, axis=0)
    np.testing.assert_array_equal(changed, np.arange(10) < 2)


def test_a_run_waits_between_phases_and_goes_on_with_another_loss() -> None:
    """Where somebody attends: a run of the command line has nobody to wait for."""
    own = spec(groups="halves", epochs=2, width=4, pauses=True, kept="none", loss=PLAIN)
    assert isinstance(list(train(own))[-1], Finished)
    control, said = Control(attended=True), []
    for event in loop.run(own, control):
        said.append(event)
        if isinstance(event, Changed) and event.value == "paused":
            other = own.model_copy(update={"loss": "2.0 * cross_entropy() + weight_drift"})
            control.send("change", "loss", "", loss_change(other))
            control.send("resume")
    kinds = [(e.kind, e.value) for e in said if isinstance(e, Changed)]
    assert [kind for kind, _ in kinds] == ["phase", "state", "loss", "state"]
    assert isinstance(said[-1], Finished) and said[-1].reason == "completed"


def test_the_teacher_is_the_network_at_the_end_of_the_phase_before() -> None:
    training = loop.prepare(spec(kept="none", width=4))
    images = tf.cast(datasets.load("digits").test_rows["images"][:50], tf.float32)
    work = training.work
    assert isinstance(work, IncrementalWork)
    said, ends = [], set(training.ends.tolist())
    for event in training.events(Control()):
        if isinstance(event, Evaluated) and event.split == "validation" and event.step in ends:
            said.append(np.asarray(work.built.giving(("logits",))(images, training=False)))
        if isinstance(event, Changed) and event.kind == "phase":
            teacher = np.asarray(work.teacher(images, training=False))
            np.testing.assert_array_equal(teacher, said[-1])
    assert len(said) == 5
    assert np.abs(np.asarray(work.teacher(images, training=False)) - said[-1]).max() > 0.01


# Training


@functools.cache
def trained(name: str) -> list[Any]:
    base = spec(epochs=15, width=8, learning_rate=3e-3)
    return list(train(methods.spec(name, base)))


def at_the_end(name: str) -> dict[str, float]:
    return next(
        event.metrics
        for event in reversed(trained(name))
        if isinstance(event, Evaluated) and event.split == "test"
    )


def test_fine_tuning_forgets_and_exemplars_do_not() -> None:
    for name in ("fine-tuning", "exemplars"):
        assert isinstance(trained(name)[-1], Finished)
        assert [e.name for e in trained(name) if isinstance(e, Changed) and e.kind == "phase"] == [
            "2, 3",
            "4, 5",
            "6, 7",
            "8, 9",
        ]
    bare, kept = at_the_end("fine-tuning"), at_the_end("exemplars")
    assert bare["accuracy"] < 0.3 and bare["old_accuracy"] < 0.1 and bare["new_accuracy"] > 0.9
    assert bare["forgetting"] > 0.8 and bare["bias"] > 0.9
    assert kept["accuracy"] > 0.75 and kept["forgetting"] < 0.25


@pytest.mark.parametrize("name", ["lwf", "ewc", "si", "icarl", "bic", "aligning", "joint"])
def test_each_method_trains_and_is_known_again(name: str) -> None:
    found = at_the_end(name)
    assert isinstance(trained(name)[-1], Finished)
    if name in ("lwf", "ewc", "si"):  # without an image of the old classes it answers with new ones
        assert found["accuracy"] < at_the_end("exemplars")["accuracy"] - 0.3
    else:
        assert found["accuracy"] > (0.9 if name == "joint" else 0.75), found
    assert methods.of(methods.spec(name, spec())) == name


def test_the_matrix_is_shown_phase_by_phase() -> None:
    started = next(event for event in trained("exemplars") if isinstance(event, Started))
    looks = [e for e in trained("exemplars") if isinstance(e, Evaluated) and e.split != "test"]
    assert TASKS["incremental"] is TASK
    shown = TASK.view_data(looks[-1], started)
    matrix = shown["matrix"]
    assert matrix["phase"] == 4 and len(matrix["rows"]) == 5
    for i, row in enumerate(matrix["rows"]):
        assert all((value is None) == (j > i) for j, value in enumerate(row))
    # By hand from the confusion of the last look: the last row, and what is forgotten.
    confusion = looks[-1].arrays["confusion"].astype(np.float64)
    accuracy = np.diag(confusion) / confusion.sum(axis=1)
    now = accuracy.reshape(5, 2).mean(axis=1)
    np.testing.assert_allclose(matrix["rows"][-1], now, atol=1e-4)
    before = np.array([[v if v is not None else 0 for v in row] for row in matrix["rows"][:-1]])
    lost = np.mean(before.max(axis=0)[:4] - now[:4])
    assert looks[-1].metrics["forgetting"] == pytest.approx(lost, abs=1e-3)
    old, new, share = matrix["taken"][0]
    assert old < 8 <= new and share == pytest.approx(
        confusion[old, new] / confusion[old].sum(), abs=1e-4
    )
    kept = shown["exemplars"]
    assert kept["labels"] == sorted(list(range(8)) * 8) and kept["counts"] == [50] * 8 + [0] * 2
    pictures = looks[-1].arrays["exemplar_images"]
    assert pictures.shape == (64, 8, 8, 1)


def test_old_centres_drift_and_new_logits_lead_by_hand() -> None:
    work = work_of()
    labels = np.repeat(np.arange(4), 2)
    there = np.array([[1.0, 0], [3, 0], [0, 1], [0, 3], [9, 9], [9, 9], [9, 9], [9, 9]])
    work._place_centres(there, labels)  # of the classes 0 and 1
    work.turn(1)
    now = there + np.array([0, 0.5])
    assert work._drift(now, labels) == pytest.approx(0.5)  # images are 1 away
    scores = np.full((1, 10), -np.inf)
    scores[0, :4] = 1.0, 0.5, 3.0, 2.0
    assert work._lead(scores) == pytest.approx(2.0)
    assert np.isnan(work._lead(scores[:0]))


def test_the_verdict_says_what_is_forgotten_with_the_runs_numbers(tmp_path: Path) -> None:
    store = open_store(Settings(home=tmp_path))
    found = {}
    for name in ("lwf", "joint"):
        own = methods.spec(name, spec(epochs=15, width=8, learning_rate=3e-3))
        run_id = store.create(own, "me")
        for event in trained(name):
            store.record(run_id, event)
        found[name] = fit.judge(fit.read(store, store.run(run_id)))
    assert found["lwf"].kind == "forgetting" and found["lwf"].change == {"kept": "exemplars"}
    looks = [e for e in trained("lwf") if isinstance(e, Evaluated) and e.split == "validation"]
    lost = looks[-1].metrics["forgetting"]
    assert f"have lost {100 * lost:.1f} points on average" in found["lwf"].sentence
    assert found["joint"].kind == "kept"


def test_the_verdict_names_what_keeps_more_next() -> None:
    def judged(row: list[float], said_new: int = 40, **settings: Any) -> Any:
        matrix = np.array([[0.9, np.nan], row])
        whole = {"kept": "exemplars", "correction": "none", "exemplars": 20, "memory": 0}
        return forgetting.judge(
            forgetting.Phases(
                ["a, b", "c, d"], matrix, 1, 100, 100, said_new, {**whole, "replay": 0.5} | settings
            )
        )

    biased = judged([0.5, 0.95], said_new=140)
    assert biased.kind == "forgetting" and biased.change == {"correction": "bias"}
    assert "a, b had 90.0% and has 50.0%" in biased.sentence
    assert judged([0.5, 0.95], said_new=100).change == {"exemplars": 40}
    assert judged([0.87, 0.95]).kind == "kept"  # 3 points of 100 images are chance
    both = judged([0.0, 0.3], kept="none")
    assert both.kind == "forgetting" and "only 30.0% are right" in both.notes[0]
    hardly = judged([0.87, 0.3], replay=0.9)
    assert hardly.kind == "intransigent" and hardly.change == {"replay": 0.5}
    first = forgetting.Phases(["a", "b"], np.full((2, 2), np.nan), 0, 0, 100, 100, {})
    assert forgetting.judge(first).kind == "early"


def test_a_run_is_the_same_again() -> None:
    first = [e.metrics for e in trained("lwf") if isinstance(e, Evaluated)]
    again = list(train(methods.spec("lwf", spec(epochs=15, width=8, learning_rate=3e-3))))
    assert str([e.metrics for e in again if isinstance(e, Evaluated)]) == str(first)


def test_the_lesson_says_these_numbers_and_no_others() -> None:
    said = methods.lesson({"fine-tuning": 0.196, "lwf": 0.21, "exemplars": 0.93, "bic": 0.95})
    assert any("LwF has 21.0%, exemplars 93.0%: distillation alone does not" in s for s in said)
    assert any("Bias correction with 95.0%, 2.0 points above exemplars" in s for s in said)
    close = methods.lesson({"lwf": 0.9, "exemplars": 0.91})
    assert "does not rescue" not in " ".join(close)
    assert methods.lesson({}) == []


def test_a_term_that_pulls_in_later_phases_alone_outweighs_nothing(tmp_path: Path) -> None:
    """There is no teacher at the first evaluation: the verdict had divided by its pull."""
    store = open_store(Settings(home=tmp_path))
    run_id = store.create(methods.spec("lwf", spec(epochs=15, width=8, learning_rate=3e-3)), "me")
    for event in trained("lwf"):
        store.record(run_id, event)
    found = fit.judge(fit.read(store, store.run(run_id)))
    assert "outweighs" not in found.sentence


def test_pasted_code_of_old_and_new_outputs_is_read_or_answered() -> None:
    slices = """
from keras import backend as K
n_old = 4
def loss(y_true, y_pred):
    old = K.categorical_crossentropy(y_true[:, :n_old], K.softmax(y_pred[:, :n_old] / 2.0))
    return old + K.categorical_crossentropy(y_true[:, n_old:], y_pred[:, n_old:])
"""
    inputs = trainable.offered("incremental")
    assert set(losses.compile_loss(slices, inputs=inputs).sources) == {"y_true", "y_pred"}
    behind = "def distillation_loss(y_true, y_pred):\n    return mean(y_true[:, 10:] * y_pred)"
    with pytest.raises(losses.LossError, match="nothing is left") as raised:
        losses.compile_loss(behind, inputs=inputs)
    assert "teacher_logits" in raised.value.hint
    old_model = "categorical_crossentropy(teacher_pred, softmax(old_logits))"
    with pytest.raises(losses.LossError) as named:
        losses.compile_loss(old_model, inputs=inputs)
    mended = old_model.replace("teacher_pred", str(named.value.fix))
    assert losses.compile_loss(mended, inputs=inputs).sources
    two_lines = (
        "T = 2.0\ncross_entropy() + T**2 * "
        "categorical_crossentropy(softmax(teacher_logits / T), softmax(old_logits / T))"
    )
    assert "teacher_logits" in losses.compile_loss(two_lines, inputs=inputs).sources


# Taken home


@pytest.mark.parametrize("name", ["bic", "icarl"])
def test_the_script_trains_the_phases(name: str, tmp_path: Path) -> None:
    more = {"crop": 0.1, "patience": 3, "metrics": ("mean(p_true)",)}
    moved = {"shift": 1, "augmented": "exemplars", **more} if name == "icarl" else {}
    own = spec(epochs=15, width=8, learning_rate=3e-3, **moved)
    printed = taken_home(export.packed(export.Package(methods.spec(name, own))), tmp_path)
    after = [line for line in printed.splitlines() if line.startswith("after")]
    assert len(after) == 5 and after[0].startswith("after [0, 1]: 0.9")
    assert accuracy(printed) > 0.7  # as the run's own, of `trained`


@pytest.mark.parametrize("name", ["ewc", "si"])
def test_the_script_keeps_weights_by_their_importance(name: str, tmp_path: Path) -> None:
    own = spec(groups="halves", epochs=4, width=4, learning_rate=3e-3)
    printed = taken_home(export.packed(export.Package(methods.spec(name, own))), tmp_path)
    assert printed.count("after [") == 2 and 0.2 < accuracy(printed) < 0.8


def test_the_script_takes_the_weights_of_the_run(tmp_path: Path) -> None:
    events = trained("aligning")
    weights = next(e.arrays for e in reversed(events) if isinstance(e, Snapshot))
    own = methods.spec("aligning", spec(epochs=15, width=8, learning_rate=3e-3))
    printed = taken_home(export.packed(export.Package(own, weights)), tmp_path, export.WEIGHTS)
    assert accuracy(printed) == pytest.approx(at_the_end("aligning")["accuracy"], abs=1e-4)
