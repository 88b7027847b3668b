"""Graphs that runs of one process share: the numbers are those of runs that share nothing."""

from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
import tensorflow as tf

from playground import RunSpec, train
from playground.training.compiled import Graph
from playground.training.events import Evaluated, Progress, Started
from playground.training.traces import TRACES, Shared, Traces

BASE: dict[str, Any] = {
    "dataset": "digits",
    "train_images": 100,
    "batch_size": 16,
    "epochs": 1,
    "evaluations": 1,
    "width": 2,
    "embedding": 4,
}
WEIGHED = {"loss": "a = 0.1\n-sum(y_true * log(y_pred)) + a * progress * mean(features ** 2)"}
# Two runs of one kind: what they differ in is in no graph.
KINDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "all that is handed over": (
        {**WEIGHED, "loss_parameters": {"a": 0.1}, "l2": 1e-3},
        {
            **WEIGHED,
            **{"loss_parameters": {"a": 0.1}, "l2": 0.1, "seed": 5, "epochs": 2},
            **{"train_images": 180, "label_noise": 0.3, "normalise": "unit"},
            **{"learning_rate": 0.02, "schedule": "cosine", "evaluations": 2},
        },
    ),
    "random streams, statistics, metrics": (
        {"batch_norm": True, "dropout": 0.5, "metrics": ("macro_f1",)},
        {"batch_norm": True, "dropout": 0.5, "metrics": ("macro_f1",), "seed": 1},
    ),
}
# Two that are of different kinds, because the graph holds the seed.
APART: tuple[dict[str, Any], dict[str, Any]] = ({"flip": True}, {"flip": True, "seed": 1})


@pytest.fixture
def sharing() -> Iterator[None]:
    """Runs share their graphs within the test."""
    TRACES.keep()
    yield
    TRACES.keep(0)


def numbers(spec: RunSpec) -> tuple[list[Any], list[float], list[float]]:
    """All that a run says of itself in numbers, without its times: what it began with and its
    evaluations, and of all steps the loss and the gradient's norm."""
    said: list[Any] = []
    losses: list[float] = []
    norms: list[float] = []
    for event in train(spec):
        if isinstance(event, Started):
            said.append(event.identity)
        elif isinstance(event, Evaluated):
            said.append((event.step, event.split, {k: v.hex() for k, v in event.metrics.items()}))
        elif isinstance(event, Progress):
            losses += event.series["loss"].tolist()
            norms += event.series["gradient_norm"].tolist()
    return said, losses, norms


@pytest.mark.parametrize("kind", KINDS)
def test_the_second_run_of_a_kind_traces_nothing_and_has_its_own_numbers(
    kind: str, sharing: None
) -> None:
    first, second = (RunSpec(**{**BASE, **changes}) for changes in KINDS[kind])
    before = numbers(first)
    with mock.patch.object(Graph, "_step", side_effect=AssertionError("traced anew")):
        shared = numbers(second)
    TRACES.keep(0)
    assert shared == numbers(second)
    assert shared != before


def test_runs_whose_graphs_hold_the_seed_share_none(sharing: None) -> None:
    first, second = (RunSpec(**{**BASE, **changes}) for changes in APART)
    numbers(first)
    shared = numbers(second)
    TRACES.keep(0)
    assert shared == numbers(second)


def test_a_graph_that_has_captured_what_is_not_said_to_be_a_variable_is_not_kept() -> None:
    said, other = tf.Variable(1.0), tf.Variable(2.0)
    graphs: dict[str, Any] = {}
    unsaid = tf.function(lambda: said + other).get_concrete_function
    assert float(Shared(graphs, [said]).graph("sum", unsaid)()) == 3
    assert not graphs
    assert float(Shared(graphs, [said, other]).graph("sum", unsaid)()) == 3
    assert list(graphs) == ["sum"]


def test_a_graph_works_on_the_variables_of_who_calls_it() -> None:
    traces = Traces()
    traces.keep(1)
    (one, two), asked = (tf.Variable(1.0), tf.Variable(10.0)), []

    def trace() -> Any:
        asked.append(1)
        return tf.function(lambda: one.assign_add(1.0)).get_concrete_function()

    mine = traces.of("kind", [one]).graph("add", trace)
    others = traces.of("kind", [two]).graph("add", trace)
    assert [float(mine()), float(others()), float(mine())] == [2, 11, 3]
    assert len(asked) == 1
    traces.of("another kind", [one])  # of which one is kept
    traces.of("kind", [one]).graph("add", trace)
    assert len(asked) == 2
