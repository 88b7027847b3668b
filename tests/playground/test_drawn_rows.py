"""Rows that a task draws on the device: the toy is shown the mean of an image and a drawn partner,
and is measured on partners that were chosen before."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from playground import RunSpec, train
from playground.tasks import TASKS
from playground.training import loop
from playground.training.events import Evaluated
from tests.playground.toy import Toy


class Pairing(Toy):
    """The toy, of an image that is the mean of two."""

    def work(self, spec: Any, dataset: Any) -> Any:
        import tensorflow as tf

        class PairingWork(type(super().work(spec, dataset))):  # type: ignore[misc]
            def rows_of(
                self, split: str, chosen: np.ndarray | None = None
            ) -> Mapping[str, np.ndarray]:
                rows = super().rows_of(split)
                rows = {**rows, "partners": rows["images"][::-1]}
                return rows if chosen is None else {n: each[chosen] for n, each in rows.items()}

            def gather(self, rows: Any, indices: Any, step: Any) -> dict[str, Any]:
                found = super().gather(rows, indices, step)
                count = tf.shape(rows["images"])[0]
                seed = tf.stack([spec.seed, step])
                drawn = tf.random.stateless_uniform(indices.shape, seed, 0, count, tf.int32)
                return {**found, "partners": tf.gather(rows["images"], drawn), "drawn": drawn}

            def batch(self, rows: Any, step: Any) -> Any:
                both = [tf.cast(rows[name], tf.float32) for name in ("images", "partners")]
                return super().batch({**rows, "images": tf.add_n(both) / 2}, step)

        return PairingWork(spec, dataset)


@pytest.fixture(autouse=True)
def pairing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TASKS, "toy", Pairing())


def test_it_learns_from_drawn_pairs_and_is_measured_on_those_that_were_chosen() -> None:
    spec = RunSpec(task="toy", dataset="digits", epochs=8, neurons=16)
    end = [each for each in train(spec) if isinstance(each, Evaluated)][-1]
    assert end.split == "test" and end.metrics["error"] < 0.05


def test_a_pair_depends_on_the_step_alone() -> None:
    training = loop.prepare(RunSpec(task="toy", dataset="digits", epochs=1))
    graph, two = training.graph, np.arange(4)
    first, again, later = (np.asarray(graph.targets_of(two, step)["target"]) for step in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.any(first != later)
