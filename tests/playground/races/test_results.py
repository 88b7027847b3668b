"""How far a race is and what its numbers are, from a store that recorded its runs."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics as sk

from playground.races import reports, results
from playground.races.curves import curves
from playground.races.feeder import Feeder
from playground.races.progress import follow
from playground.races.race import SWEEP, Lane, Race
from playground.races.results import Reader, of_classes
from playground.races.verdict import verdict
from playground.runs import liveness, tables
from playground.runs.race_rows import ACTIVE, DONE, STOPPED
from playground.runs.store import Store, open_store
from playground.runs.supervisor import Supervisor
from playground.settings import Settings
from playground.spec import RunSpec
from playground.training.events import Evaluated, Failed, Finished, Progress, Started

BASE = RunSpec(dataset="digits", epochs=4)
LANES = (Lane(), Lane({"loss": "gce"}, "<b>GCE</b>"), Lane({"loss": "focal"}))
RACE = Race(BASE, LANES, seeds=7, target=0.8)
CONFUSION = np.array([[5, 1, 0], [2, 3, 0], [0, 0, 4]], np.int32)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(Settings(home=tmp_path))) as found:
        yield found


def completed(store: Store, spec: RunSpec, accuracy: float, order: str = "o") -> str:
    """A run of 40 steps that ends with this accuracy; 0.8 on validation images from step 20 on."""
    run_id = store.create(spec, "me", "preparing")
    hashes = {"weights": f"w{spec.seed}", "order": order}
    store.record(
        run_id, Started(9, [], 40, 10, 90, 10, 10, ["0", "1"], {"inputs": []}, {}, {}, hashes)
    )
    ones = np.ones(40, np.float32)
    seconds = np.arange(1, 41, dtype=np.float32) / 10
    store.record(run_id, Progress(40, 4.0, 4.0, 99.0, {"loss": ones, "seconds": seconds}))
    for step, share in ((10, 0.5), (20, 0.8), (40, accuracy)):
        metrics = {"loss": 1.0, "accuracy": share, "negative_log_likelihood": 1 - share}
        store.record(run_id, Evaluated(step, step / 10, "validation", 10, True, metrics, {}))
    metrics = {"loss": 1.0, "accuracy": accuracy, "brier": 0.25, "embedding_within": 1.0}
    metrics |= {"embedding_between": 4.0, "negative_log_likelihood": 0.5}
    store.record(run_id, Evaluated(40, 4.0, "test", 15, True, metrics, {"confusion": CONFUSION}))
    store.record(run_id, Finished(40, "completed", 4.0, metrics))
    return run_id


def fill(store: Store, race: Race = RACE) -> None:
    """GCE is better by 5 points with every seed; focal broke with the last."""
    for seed in range(race.seeds):
        plain = 0.85 + seed / 100
        completed(store, race.spec(0, seed), plain)
        completed(store, race.spec(1, seed), plain + 0.05)
        if seed < race.seeds - 1:
            completed(store, race.spec(2, seed), plain + (-0.01) ** (seed % 2 + 1))
    run_id = store.create(race.spec(2, race.seeds - 1), "me", "preparing")
    store.record(run_id, Failed(3, "nonfinite", "The loss became NaN at step 3."))


def test_a_race_fills_as_its_runs_finish(store: Store) -> None:
    empty = follow(RACE, store.by_digest)
    assert len(empty.missing) == 21 and not empty.done
    assert [(cell.lane, cell.seed) for cell in empty.missing[:4]] == [
        (0, 0),
        (1, 0),
        (2, 0),
        (0, 1),
    ]
    completed(store, RACE.spec(1, 0), 0.9)
    assert len(follow(RACE, store.by_digest).missing) == 20
    assert len(follow(RACE.with_seeds(8), store.by_digest).missing) == 23


def test_the_numbers_of_a_race(store: Store) -> None:
    fill(store)
    found = follow(RACE, store.by_digest)
    assert found.done  # what breaks by itself is not tried again
    results = Reader(store).results(RACE, found)
    assert results.values["accuracy"][1] == pytest.approx(
        {seed: 0.9 + seed / 100 for seed in range(7)}
    )
    assert results.values["within_between"][0][0] == 0.25
    assert results.values["steps"][0][0] == 20 and results.values["seconds"][0][0] == pytest.approx(
        2
    )
    assert results.reached == [7, 7, 6] and len(results.judged[2]) == 6
    assert "NaN at step 3" in results.broken[2][6]
    assert results.best("accuracy") == {1}
    assert results.same("weights") is True and results.same("images") is None


def test_macro_f1_and_the_worst_class_are_scikit_learns() -> None:
    true = np.repeat(np.arange(3), CONFUSION.sum(axis=1))
    said = np.concatenate([np.repeat(np.arange(3), row) for row in CONFUSION])
    found = of_classes(CONFUSION)
    assert found["macro_f1"] == pytest.approx(sk.f1_score(true, said, average="macro"))
    assert found["worst_class"] == sk.recall_score(true, said, average=None).min() == 0.6


def test_the_verdict_says_who_won_and_what_is_not_known(store: Store) -> None:
    fill(store)
    decided = verdict(Reader(store).results(RACE, follow(RACE, store.by_digest)))
    assert decided.winner == 1
    assert decided.sentence == "<b>GCE</b> is better than Cross-entropy by accuracy."
    (gce, _, evidence), (_, focal, _) = decided.lanes
    assert gce.p == 1 / 64 and gce.adjusted == 1 / 32 and gce.outcome == "better"
    assert "+5.00 points" in evidence and "better with 100% of the seeds" in evidence
    assert "not enough evidence" in focal
    assert any("Broken runs count for nothing" in note for note in decided.notes)
    assert "Focal loss broke with 1 of 7 seeds. With seed 6: The loss became NaN" in " ".join(
        decided.notes
    )


def test_there_is_no_verdict_while_seeds_are_missing(store: Store) -> None:
    fill(store)
    race = RACE.with_seeds(9)
    for lane in range(2):
        completed(store, race.spec(lane, 7), 0.9)
    found = follow(race, store.by_digest)
    decided = verdict(Reader(store).results(race, found), found.done)
    assert decided.sentence == "7 of 9 seeds so far: no verdict yet."  # the eighth lacks a lane
    assert not decided.lanes and decided.winner is None
    assert not any("p =" in note for note in decided.notes)
    assert any("Broken runs" in note for note in decided.notes)


def test_a_spread_is_told_with_two_digits() -> None:
    nll, accuracy = results.MEASURES["nll"], results.MEASURES["accuracy"]
    assert nll.summary({0: 2.2267, 1: 2.2534}) == "2.24 ± 0.019"
    assert nll.summary({0: 2.2267}) == "2.227" and nll.summary({}) == "–"
    assert accuracy.summary({0: 0.9, 1: 0.92}) == "91.00% ± 1.41%"


def test_what_a_reader_keeps_is_bounded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "MOST_KEPT", 3)
    fill(store)
    reader, found = Reader(store), follow(RACE, store.by_digest)
    assert reader.results(RACE, found).values == reader.results(RACE, found).values
    assert len(reader._kept) == 3 and len(reader._hashes) == 3


def test_one_seed_decides_nothing(store: Store) -> None:
    race = Race(BASE, LANES[:2])
    completed(store, race.spec(0), 0.5)
    completed(store, race.spec(1), 0.9)
    decided = verdict(Reader(store).results(race, follow(race, store.by_digest)))
    assert decided.winner is None and decided.sentence.startswith("Not enough evidence")
    assert "Of 1 seed nothing can be said" in decided.notes[0]


def test_medians_and_bands(store: Store) -> None:
    fill(store)
    drawn = curves(store, RACE, follow(RACE, store.by_digest), "validation_accuracy")
    assert [each.lane for each in drawn] == [0, 1, 2] and drawn[0].seeds == 7
    assert drawn[0].steps.tolist() == [10, 20, 40]
    assert drawn[0].median[-1] == pytest.approx(0.88)
    assert (drawn[0].low[-1], drawn[0].high[-1]) == pytest.approx((0.865, 0.895))


@pytest.mark.parametrize("ending", reports.ENDINGS)
def test_reports_stand_alone_and_are_the_same_every_time(
    store: Store, tmp_path: Path, ending: str
) -> None:
    fill(store)
    path, found = tmp_path / f"race{ending}", follow(RACE, store.by_digest)
    reports.write(path, store, RACE, found)
    text = path.read_text("utf-8")
    reports.write(path, store, RACE, found)
    assert text == path.read_text("utf-8")
    assert "w0" in text and "http://" not in text.replace("http://www.w3.org/2000/svg", "")
    if ending == ".html":
        assert "<b>GCE</b>" not in text and "&lt;b&gt;GCE" in text
        assert text.count("<circle") == 20 and "<polyline" in text and "setup=%7B" in text
    if ending == ".md":
        assert "\\<b\\>GCE" in text and "| Accuracy |" in text
    if ending == ".csv":
        rows = text.splitlines()
        assert len(rows) == 22 and "failed" in rows[-1]


def test_halving_lets_the_best_go_on(store: Store) -> None:
    race = Race(
        BASE, tuple(Lane({"dropout": share / 10}) for share in range(4)), kind=SWEEP, halving=2
    )
    assert race.rungs == [2, 4]
    for lane in range(4):
        completed(store, race.spec(lane, 0, 2), 0.9 - lane / 10)
    found = follow(race, store.by_digest)
    assert found.rounds == [[0, 1, 2, 3], [0, 1]]
    assert [(cell.lane, cell.epochs) for cell in found.missing] == [(0, 4), (1, 4)]


def test_a_killed_worker_ends_its_lane_alone_until_the_race_is_taken_up(store: Store) -> None:
    race = Race(BASE, LANES[:2])
    completed(store, race.spec(0), 0.9)
    run_id = store.create(race.spec(1), "me", "preparing")
    store.record(run_id, Failed(3, "worker", "The worker was killed."))
    created = store.run(run_id).created.timestamp()
    found = follow(race, store.by_digest, created - 1)
    assert found.done
    results = Reader(store).results(race, found)
    assert results.broken[1] == {0: "The worker was killed."} and results.judged[0] == {0: 0.9}
    (cell,) = follow(race, store.by_digest, created + 1).missing
    assert cell.lane == 1


def test_the_feeder_trains_what_is_missing_and_takes_up_what_was_stopped(tmp_path: Path) -> None:
    config = Settings(home=tmp_path, workers=2)
    with closing(open_store(config)) as store:
        supervisor = Supervisor(config, store)  # whose workers were never started
        feeder = Feeder(supervisor)
        race = Race(BASE, LANES[:2], seeds=3)
        race_id = feeder.begin(race, "me")
        runs = store.runs()
        assert [run.spec for run in reversed(runs)] == [race.spec(0, 0), race.spec(1, 0)]
        feeder.tick()
        assert len(store.runs()) == 2  # no more than there are workers
        feeder.stop(race_id, "me")
        assert {run.state for run in store.runs()} == {"stopped"}
        assert store.races.find(race_id).state == STOPPED
        feeder.tick()
        assert len(store.runs()) == 2
        assert feeder.begin(race, "me") == race_id  # the same race goes on
        assert len(store.runs()) == 4 and store.races.find(race_id).state == ACTIVE
        for seed in range(3):
            for lane in range(2):
                completed(store, race.spec(lane, seed), 0.9)
        feeder.tick()
        assert store.races.find(race_id).state == DONE


def test_a_race_whose_server_is_gone_is_taken_up(tmp_path: Path) -> None:
    with closing(open_store(Settings(home=tmp_path))) as store:
        race_id = store.races.create(RACE.to_json(), "me")
        assert [each.id for each in store.races.active()] == [race_id]
        with store._database.writing() as connection:
            connection.execute(tables.races.update().values(holder=liveness.NOBODY))
        (found,) = store.races.active()
        assert found.id == race_id and found.begun > 0
        assert replace(found, begun=0) == replace(store.races.find(race_id), begun=0)
