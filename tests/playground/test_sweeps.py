"""Sweeps: what is planned, and what the store's runs make of it."""

import math
from contextlib import closing
from pathlib import Path

import pytest

from playground import RunSpec, models, sweeps
from playground.figures.sweep import sweep_chart
from playground.runs.store import open_store
from playground.settings import Settings
from playground.training.events import Evaluated, Failed, Finished

BASE = RunSpec(dataset="digits", train_images=400, validation_images=500)


@pytest.mark.parametrize("field", sweeps.SWEEPS)
def test_a_plan_varies_one_setting_and_keeps_the_rest(field: str) -> None:
    sweep = sweeps.SWEEPS[field]
    planned = sweeps.specs(sweep, BASE)
    assert [getattr(spec, field) for spec in planned] == list(sweep.values)
    for spec in planned:
        changed = {
            name for name, value in spec.model_dump().items() if value != getattr(BASE, name)
        }
        assert changed <= {
            field,
            "watch_fit",
            "evaluations",
            *(["embedding"] if sweep.beside else []),
        }
    assert len({spec.digest for spec in planned}) == len(planned)


def test_images_are_judged_by_the_same_held_out_ones_and_only_as_many_as_there_are() -> None:
    images = sweeps.SWEEPS["train_images"]
    planned = sweeps.specs(images, RunSpec(dataset="digits"))
    assert {spec.validation_images for spec in planned} == {500}
    roomless = sweeps.specs(images, RunSpec(dataset="digits", validation_images=1300))
    assert [spec.train_images for spec in roomless] == [50, 100]


def test_points_are_the_completed_runs_of_these_specs(tmp_path: Path) -> None:
    sweep = sweeps.SWEEPS["width"]
    planned = sweeps.specs(sweep, BASE)
    with closing(open_store(Settings(home=tmp_path))) as store:
        failed, done, waiting = (store.create(spec, "me") for spec in (*planned[:2], planned[2]))
        again = store.create(planned[1], "you")
        store.record(failed, Failed(3, "nonfinite", "It broke.", ""))
        for split, accuracy in (("train", 0.95), ("validation", 0.9)):
            store.record(
                done, Evaluated(9, 1.0, split, 500, True, {"loss": 1.0, "accuracy": accuracy})
            )
        store.record(done, Finished(9, "completed", 1.0, {"accuracy": 0.8}))
        known = store.by_digest([spec.digest for spec in planned])
        assert {record.id for record in known.values()} == {failed, done, waiting}
        assert again not in {record.id for record in known.values()}
        found = sweeps.points(sweep, planned, known)
    assert [point.state for point in found] == ["failed", "completed", "queued", "", "", ""]
    point = found[1]
    assert point.x == models.parameter_count(planned[1])
    assert (point.train, point.held_out) == (pytest.approx(0.05), pytest.approx(0.1))
    assert point.error == pytest.approx(math.sqrt(0.09 / 500))
    assert all(math.isnan(each.held_out) for each in found if each is not point)
    figure = sweep_chart(sweep, found, None)
    assert [list(trace.x) for trace in figure.data] == [[point.x]] * 2
