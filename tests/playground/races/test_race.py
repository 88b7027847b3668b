"""What a race is: its specs, its JSON and TOML, what it refuses, the points of a sweep."""

import base64
import json
import zlib
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import qmc

from playground.errors import SpecError
from playground.races import design, links, race_file
from playground.races.race import Lane, Race
from playground.spec import RunSpec

BASE = RunSpec(dataset="digits", epochs=9, label_noise=0.4, seed=5)
TWO = (Lane({"loss": "gce", "loss_parameters": {"q": 0.5}}), Lane({"dropout": 0.5}))


def test_a_lane_changes_what_it_says_and_nothing_else() -> None:
    race = Race(BASE, TWO, seeds=3)
    first, second = race.spec(0, 2), race.spec(1, 2)
    assert (first.loss, first.loss_parameters, first.seed) == ("gce", {"q": 0.5}, 7)
    apart = {name for name in first.model_dump() if getattr(first, name) != getattr(second, name)}
    assert apart == {"loss", "loss_parameters", "dropout"}
    assert second.loss == BASE.loss


def test_it_comes_back_from_its_json() -> None:
    race = Race(BASE, TWO, 4, "brier", 0.8)
    again = Race.from_json(race.to_json())
    assert again == race and again.digest == race.digest
    assert again.spec(1, 3) == race.spec(1, 3)
    assert race.with_seeds(5).digest != race.digest


def test_lanes_have_names_that_tell_them_apart() -> None:
    race = Race(BASE, (*TWO, Lane({"loss": "focal"}, "mine"), Lane({"loss": "focal", "l2": 1e-3})))
    assert race.titles() == [
        "Generalised cross-entropy · q 0.5",
        "dropout 0.5",
        "mine",
        "Focal loss · l2 0.001",
    ]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"lanes": [{}]}, "2 to 8 lanes; got 1"),
        ({"lanes": [{}, {"dropout": 2}]}, "lane 2: dropout: expected 0 to"),
        ({"lanes": [{}, {"nothing": 2}]}, "lane 2: nothing: no such field"),
        ({"lanes": [{}, {"seed": 2}]}, "lane 2: seed: all lanes have it in common"),
        ({"lanes": [{"loss": "gce"}, {"loss": "gce"}]}, "lane 2: it is the same as lane 1"),
        ({"lanes": "gce"}, "lanes: expected a list"),
        ({"lanes": [{}, 3]}, "lane 2: expected an object"),
        ({"lanes": [{}, {"l2": 0.1}], "seeds": 99}, "seeds: expected 1 to 30"),
        ({"lanes": [{}, {"l2": 0.1}], "seeds": "2"}, "seeds: expected a whole number"),
        ({"lanes": [{}, {"l2": 0.1}], "judge": "loss"}, "judge: expected one of accuracy"),
        ({"lanes": [{}, {"l2": 0.1}], "target": 90}, "target: expected an accuracy"),
        ({"lanes": [{}, {"l2": 0.1}], "colour": 1}, "colour: no such field"),
        ({"base": {"task": "siamese"}, "lanes": [{}, {"l2": 0.1}]}, "races are of classification"),
        ({"lanes": [{}, {"l2": 0.1}], "target": 10**400}, "target: expected an accuracy"),
        ({"lanes": [{}, {"l2": 0.1}], "kind": "else"}, "kind: expected race or sweep"),
        ([], "expected an object of fields"),
    ],
)
def test_what_is_wrong_is_named(values: object, said: str) -> None:
    with pytest.raises(SpecError, match=said):
        Race.parse(values)


def test_toml(tmp_path: Path) -> None:
    path = tmp_path / "race.toml"
    path.write_text(
        'seeds = 3\n[base]\ndataset = "digits"\nepochs = 9\n'
        '[sweep]\ndesign = "sobol"\npoints = 8\nhalving = 2\n'
        '[sweep.vary]\nloss = ["gce", "sce"]\nlearning_rate = { low = 1e-4, high = 1e-1 }\n'
    )
    race = race_file.read(path)
    assert len(race.lanes) == 8 and race.varied == ("loss", "learning_rate")
    assert race.rungs == [3, 5, 9]  # 8 points, 4, 2: each round about twice as long
    assert {race.spec(lane).loss for lane in range(8)} == {"gce", "sce"}
    path.write_text("seeds = = 3")
    with pytest.raises(SpecError, match="is no TOML"):
        race_file.read(path)
    with pytest.raises(SpecError, match="cannot be read"):
        race_file.read(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"search": {"loss": "gce"}, "seeds": "5"}, "seeds: expected a whole number; got '5'"),
        ({"search": {"loss": "gce"}, "seeds": 99}, "seeds: expected 1 to 30"),
        ({"search": {"loss": "gce"}, "judge": "loss"}, "judge: expected one of"),
        ({"search": {"loss": "gce"}, "target": True}, "target: expected an accuracy"),
        ({"search": {"loss": "gce", "halving": "2"}}, "search: halving: expected 2, 3 or 4"),
        ({"search": {"loss": "gce", "halving": 7}}, "halving: expected 0"),
        ({"search": {"loss": "gce", "mutations": True}}, "search: mutations: expected 1 to"),
        ({"search": {"loss": "gce", "points": 3}}, "search: points: no such field"),
        ({"search": "gce"}, "search: expected a table"),
        ({"search": {"loss": "gce"}, "lanes": []}, "expected one of lanes, a sweep or a search"),
        ({"search": {"loss": "gce"}, "base": {"epochs": "x"}}, "epochs"),
        ({"sweep": {"vary": {"l2": [0, 0.1]}}, "seeds": "5"}, "seeds: expected a whole number"),
        ({"sweep": {"vary": {"l2": [0, 0.1]}, "halving": "2"}}, "sweep: halving: expected 0"),
        ({"sweep": {"vary": {"l2": [0, 0.1]}, "design": 3}}, "sweep: design: expected grid"),
        ({"sweep": {"vary": {"l2": [0, 0.1]}, "design": "sobol", "points": "8"}}, "sweep: points"),
        ({"sweep": {"vary": {"l2": [0, 0.1]}, "lanes": 3}}, "sweep: lanes: no such field"),
        ({"sweep": {"vary": {"l2": [0, 0.1]}}, "varied": ["dropout"]}, "varied"),
        ({"sweep": {"vary": []}}, "sweep: expected what it is to vary"),
        ({"sweep": [1]}, "sweep: expected a table"),
        ({"sweep": {"vary": {"l2": {"low": 0.1, "high": 1, "log": "yes"}}}}, "expected log to be"),
        ({"lanes": [{}, {"l2": 0.1}], "base": 3}, "base: expected settings"),
        ({"lanes": [{}, {"title": 5}]}, "lane 2: title: expected a text"),
    ],
)
def test_what_is_wrong_in_a_file_is_named(values: dict, said: str) -> None:
    with pytest.raises(SpecError, match=said):
        race_file.parse(values, lambda *_: pytest.fail("mutated before it was read"))


def test_a_search_of_a_file_is_judged_as_it_says() -> None:
    found = race_file.parse(
        {"search": {"loss": "gce", "halving": 3}, "judge": "nll", "target": 0.7, "seeds": 2},
        lambda text, seed, known: (f"{seed + 2} * cross_entropy()", str(seed)),
    )
    assert (found.judge, found.target, found.seeds, found.halving) == ("nll", 0.7, 2, 3)


def test_a_link_repeats_a_race_and_a_sweep() -> None:
    race = Race(BASE, TWO, 4, "brier", 0.8)
    assert links.race_of(links.setup(race)) == race
    sweep = race_file.parse(
        {
            "base": {"dataset": "digits"},
            "sweep": {
                "design": "random",
                "points": 250,
                "vary": {"l2": {"low": 1e-6, "high": 0.01}, "dropout": {"low": 0, "high": 0.9}},
            },
        }
    )
    assert Race.from_json(sweep.to_json()) == sweep
    assert links.race_of(links.setup(sweep)) == sweep
    assert len(links.link(sweep)) < 800 < len(sweep.to_json()) / 10
    given = Race(BASE, sweep.lanes, kind="sweep", varied=sweep.varied)  # of points one by one
    assert links.race_of(links.setup(given)) == given
    assert len(links.link(given)) < 8000  # what proxies take


@pytest.mark.parametrize(
    "text",
    [
        "z.",
        "z.@@",
        "z.aGVsbG8=",
        "{",
        "z." + base64.urlsafe_b64encode(zlib.compress(b"x" * 10**6)).decode(),
    ],
)
def test_a_link_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(SpecError, match="expected JSON"):
        links.race_of(text)


def test_what_the_benchmarks_race_can_be_read() -> None:
    folder = Path(__file__).parents[2] / "benchmarks" / "races"
    paths = sorted(folder.glob("*.toml"))
    assert {"noise", "focal", "pool", "search"} <= {path.stem for path in paths}

    def mutate(text: str, seed: int, known: object) -> tuple[str, str]:
        return f"{seed + 2} * cross_entropy()", str(seed)

    assert all(len(race_file.read(path, mutate).lanes) >= 2 for path in paths)


def test_a_grid_has_every_combination() -> None:
    axes = [design.axis("dropout", [0.0, 0.5]), design.axis("loss.q", [0.2, 0.4, 0.6])]
    found = design.points(axes, "grid")
    assert len(found) == 6
    assert {"dropout": 0.5, "loss_parameters": {"q": 0.4}} in [dict(lane.changes) for lane in found]


def test_sobol_points_fill_the_range_better_than_random_ones() -> None:
    axes = [
        design.axis("dropout", {"low": 0.0, "high": 0.9}),
        design.axis("l2", {"low": 1e-6, "high": 1e-2, "log": True}),
    ]
    worst = {}
    for name in ("sobol", "random"):
        lanes = design.points(axes, name, 64)
        assert lanes == design.points(axes, name, 64)  # the same everywhere
        dropout = np.array([lane.changes["dropout"] for lane in lanes]) / 0.9
        l2 = (np.log10([lane.changes["l2"] for lane in lanes]) + 6) / 4
        worst[name] = qmc.discrepancy(np.clip(np.stack([dropout, l2], 1), 0, 1))
    assert worst["sobol"] < worst["random"] / 2


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("colour", [1, 2], "expected the name of a setting"),
        ("seed", [1, 2], "expected the name of a setting"),
        ("l2", 3, "expected two values or more"),
        ("l2", {"low": 0.0, "high": 1.0, "log": True}, "expected low above 0 and below high"),
        ("l2", {"low": "a", "high": 1.0}, "expected low, high and log"),
        ("l2", {"low": 0.1, "high": float("inf")}, "expected low, high and log"),
        ("epochs", {"low": 1, "high": 10**400}, "expected low, high and log"),
        ("l2", [[0.1], [0.2]], "expected plain values"),
        ("optimizer", {"low": 0, "high": 1}, "expected a list of values"),
    ],
)
def test_an_axis_that_cannot_be_is_refused(name: str, given: object, said: str) -> None:
    with pytest.raises(SpecError, match=said):
        design.axis(name, given)


def test_a_grid_too_large_is_refused() -> None:
    axes = [design.axis(name, {"low": 0.0, "high": 0.5}) for name in ("dropout", "shift")][:1]
    axes += [design.axis("l2", [i / 100 for i in range(60)])]
    with pytest.raises(SpecError, match="the grid has 300"):
        design.points(axes, "grid")


def test_json_of_a_written_loss_is_the_text_itself() -> None:
    text = "q = 0.3  # 0..1\n(1 - p_true**q) / q"
    race = Race(BASE, (Lane({"loss": text}), Lane({"loss": "gce"})))
    assert json.loads(race.to_json())["lanes"][0]["loss"] == text
