"""What a table of runs shows of them, and how their families are drawn."""

from typing import Any

from playground.figures import family, palette
from playground.races import members
from playground.races.race import Lane, Race
from playground.runs import columns
from playground.runs.lineage import families
from playground.runs.listing import Listed
from playground.runs.race_rows import DONE, RaceRecord
from playground.spec import RunSpec

SPEC = RunSpec(dataset="digits")


def listed(number: int, spec: RunSpec = SPEC, **changes: Any) -> Listed:
    plain: dict[str, Any] = {
        **dict.fromkeys(("owner", "digest", "message", "name", "notes"), ""),
        **dict.fromkeys(("step", "steps", "parameters"), 100),
        **dict.fromkeys(("created", "epoch", "seconds", "images_per_second"), 1.0),
        **dict.fromkeys(("parent", "parent_step", "deleted", "bytes")),
        **{"state": "completed", "starred": False, "metrics": {}},
        "settings": spec.model_dump(),
    }
    return Listed(id=str(number), number=number, **{**plain, **changes})


def test_every_setting_and_every_number_is_a_column() -> None:
    rows = [
        listed(1, metrics={"test_accuracy": 0.5, "validation_nll": 2.0, "test_own": 3.0}),
        listed(2, RunSpec(task="autoencoder", dataset="digits"), metrics={"test_loss": 9.0}),
    ]
    found = columns.columns(rows)
    assert {*SPEC.model_dump(), "test_accuracy", "test_own", "latent"} <= set(found)
    said = {key: [columns.said(found[key], row) for row in rows] for key in found}
    assert said["nll"] == ["2", ""] and said["test_accuracy"] == ["50.0%", ""]
    assert said["task"] == ["Classification", "Autoencoder"] and said["batch_norm"][0] == "off"
    assert said["latent"][0] == "" and said["latent"][1]
    assert (
        found["result"].title == "Result" and columns.columns(rows[:1])["result"].kind == "percent"
    )


def test_a_setting_that_came_later_stood_at_its_default() -> None:
    settings = {name: value for name, value in SPEC.model_dump().items() if name != "mixup"}
    rows = [listed(1, settings=settings), listed(2, SPEC.model_copy(update={"mixup": 0.5}))]
    column = columns.columns(rows)["mixup"]
    assert [column.value(row) for row in rows] == [0.0, 0.5]
    assert [one.key for one in columns.differing(rows)] == ["mixup"]
    assert members.settings_key(settings) == members.settings_key(SPEC.model_dump())


def test_what_has_no_value_comes_last_in_either_order() -> None:
    rows = [listed(n, metrics=m) for n, m in enumerate(({"test_nll": 1.0}, {}, {"test_nll": 2.0}))]
    column = columns.columns(rows)["nll"]
    for ascending, numbers in ((True, [0, 2, 1]), (False, [2, 0, 1])):
        assert [row.number for row in columns.arranged(rows, column, ascending)] == numbers


def test_runs_of_a_race_are_known_by_lane_and_seed() -> None:
    race = Race(SPEC, (Lane({"loss": "gce"}, "first"), Lane({"loss": "focal"})), seeds=2, halving=2)
    record = RaceRecord("r", "me", race.to_json(), DONE, "", 0.0, 0.0)
    broken = RaceRecord("b", "me", "{}", DONE, "", 0.0, 0.0)
    groups = members.groups([record, broken])
    assert list(groups) == ["r"] and groups["r"].title == "Race: first · Focal loss · 2 × 2"
    for lane, title in enumerate(("first", "Focal loss")):
        for epochs in race.rungs:
            found = race.spec(lane, 1, epochs).model_dump()
            assert groups["r"].lane_of(found) == title
            assert groups["r"].lane_of({**found, "seed": 2}) == ""
            assert groups["r"].lane_of({**found, "width": 99}) == ""


def test_branches_stand_after_what_they_leave() -> None:
    parents = {"a": None, "b": None, "c": "a", "d": "c", "e": "a", "f": "gone"}
    assert families(parents) == [
        [("a", 0), ("c", 1), ("d", 2), ("e", 1)], [("b", 0)], [("f", 0)]
    ]  # fmt: skip


def test_a_family_is_drawn_with_names_as_text_in_the_colours_of_charts() -> None:
    parent = listed(1, name="<script>")
    branch = listed(2, parent="1", parent_step=50)
    drawn = family.tree([(parent, 0), (branch, 1)], {"1": 0, "2": "0~1"})
    assert "<script>" not in drawn and "#1 &lt;script&gt;" in drawn
    assert palette.run_colour(0) in drawn and palette.colour_of("0~1") in drawn
    assert family.words([parent, branch]) == "The family of #1: #2 leaves #1 after step 50."
    # By hand, as `words.js` has it: 0x00, 0x72, 0xb2 moved by 0.45 to 255, by 0.4 to 0.
    assert palette.colour_of("0~1") == "#73b1d5" and palette.colour_of("8~2") == "#00446b"
