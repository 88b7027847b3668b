"""What holds a detector back is told of numbers that show it, and of no others."""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from playground.spec import RunSpec
from playground.tasks.detection import OBJECTIVES
from playground.verdicts import diagnosis, finding, steps

WELL = {
    "ap50": 0.95, "ap": 0.7, "mask_iou": 0.8, "recall": 0.97, "class_accuracy": 0.96,
    "box_iou": 0.8, "item_chance": 0.6, "background_chance": 0.02,
}  # fmt: skip
ONE = ("o * objectness", "b * box", "c * class_", "m * mask")
INPUTS = {"p_object", "boxes_pred", "p_class", "masks_pred"}


def told(
    numbers: Mapping[str, float],
    inputs: set[str] = INPUTS,
    terms: tuple[str, ...] = ONE,
    parameters: Mapping[str, float] | None = None,
    last: Mapping[str, float] | None = None,
    **fields: Any,
) -> Any:
    spec = RunSpec.parse({"task": "detection", **fields})
    values = {"o": 1.0, "b": 2.0, "c": 1.0, "m": 1.0, **(parameters or {})}
    known = diagnosis.of(
        {
            "inputs": inputs,
            "terms": terms,
            "parameters": [{"name": name, "value": value} for name, value in values.items()],
        }
    )
    seen = {name: [value, value, value] for name, value in {**WELL, **numbers}.items()}
    return finding.judge(finding.Detector(spec, known, seen, last or {}))


def test_a_detector_that_finds_items_is_told_what_it_lacks_with_a_click_that_does_it() -> None:
    found = told({})
    assert found.kind == "fitting" and "97.0% of the items are found" in found.sentence
    # 0.7 of 0.95 is 26% less.
    assert found.step == "The boxes are what AP lacks most. Raise b to 4."
    assert found.change == {"loss_parameters": {"b": 4.0}} and found.respect == "ap"
    found = told({"class_accuracy": 0.6})
    assert found.step.endswith("lacks most. Raise c to 2.") and found.respect == "named"
    found = told({"recall": 0.5})
    assert found.step == "Items are missed. Raise o to 2." and not found.respect
    assert ("Mask IoU", "80.0%") in found.evidence
    nothing = told({"recall": 0.01, "class_accuracy": 0.0, "ap50": 0.01, "ap": 0.001}, epochs=3)
    assert nothing.step == "Items are missed. Train for 6 epochs."


def test_a_term_without_a_weight_gets_one_in_the_text() -> None:
    text = "sum(objects * (1 - p_object)) + mean(square(boxes - boxes_pred))"
    terms = ("sum(objects * (1 - p_object))", "mean(square(boxes - boxes_pred))")
    found = told({}, terms=terms, loss=text)
    assert found.step == "The boxes are what AP lacks most. Weigh the term of the boxes twice."
    assert found.change == {"loss": f"{terms[0]} + 2 * {terms[1]}"}


DROWNED = {"item_chance": 0.06, "background_chance": 0.05}
OWN = OBJECTIVES["one"].replace(" / found", "")


@pytest.mark.parametrize(
    ("numbers", "fields", "cause", "said", "change"),
    [
        (DROWNED, {"loss": OWN}, "background", "Objectness does not tell", "loss"),
        (DROWNED, {"epochs": 4}, "", "Objectness does not tell", "epochs"),
        ({"item_chance": 0.9, "background_chance": 0.9}, {"loss": OWN}, "", "90.0%", "loss"),
        (DROWNED, {"learning_rate": 1.0}, "large rate", "makes steps too long", "learning_rate"),
        (DROWNED, {"learning_rate": 1e-6}, "small rate", "too short", "learning_rate"),
        (
            {"recall": 0.0, "ap50": 0.0},
            {"learning_rate": 1.0},
            "large rate",
            "Little is found",
            "learning_rate",
        ),
        ({"box_iou": 0.01, "ap50": 0.0}, {}, "", "Boxes miss their items", "epochs"),
        ({"mask_iou": 0.02}, {}, "", "Masks miss their items", "epochs"),
        ({"mask_iou": 0.02}, {"loss": OWN}, "", "Masks miss their items", "loss"),
    ],
)
def test_what_holds_it_back_is_told_in_a_sentence_with_a_click(
    numbers: dict[str, float], fields: dict[str, Any], cause: str, said: str, change: str
) -> None:
    found = told(numbers, **fields)
    assert (found.kind, found.cause) == ("plateau", cause) and said in found.sentence
    assert set(found.change) - {"loss_parameters"} == {change}
    assert found.respect == ("masks" if "Masks" in said else "ap")
    assert not re.search(r"\.\s", found.sentence)  # one sentence


def test_boxes_that_do_not_touch_get_a_loss_that_pulls() -> None:
    text = OBJECTIVES["one"].replace("giou_loss", "iou_loss")
    found = told({"box_iou": 0.01}, loss=text)
    assert found.cause == "apart" and "no gradient" in found.sentence
    assert found.change == {"loss": OBJECTIVES["one"]}
    assert told({"box_iou": 0.5}, loss=text).kind == "fitting"


@pytest.mark.parametrize(
    ("weight", "name", "numbers", "usual"),
    [
        ("o", "p_object", {"item_chance": 0.1, "background_chance": 0.1}, 1.0),
        ("b", "boxes_pred", {"box_iou": 0.1}, 2.0),
        ("c", "p_class", {"class_accuracy": 0.29, "recall": 0.03, "ap50": 0.02}, 1.0),
        ("m", "masks_pred", {"mask_iou": 0.31}, 1.0),
    ],
)
def test_what_no_term_trains_is_told_first(
    weight: str, name: str, numbers: dict[str, float], usual: float
) -> None:
    found = told(numbers, INPUTS - {name})
    assert found.cause == "untrained" and found.sentence.endswith(f"of the loss names {name}.")
    assert found.change["loss"] == OBJECTIVES["one"]
    for value in (0.0, usual / 100):
        found = told(numbers, parameters={weight: value})
        assert found.cause == "untrained", found
        assert found.sentence.endswith(f", because the weight {weight} is {value:g}.")
        assert found.change == {"loss_parameters": {weight: usual}}


def test_a_part_of_two_stages_that_nothing_trains_is_told_where_little_is_found() -> None:
    terms = tuple(OBJECTIVES["two"].splitlines()[-1].split(" + "))
    names = {"rpn_p_object", "rpn_deltas_pred", "p_region", "boxes_pred", "masks_pred"}
    given = {"ro": 1.0, "rb": 1.0, "b": 1.0}
    for weight in ("rb", "b"):
        zero = {**given, weight: 0.0}
        found = told({"ap50": 0.09, "ap": 0.02}, names, terms, zero, stages="two")
        assert found.sentence.endswith(f"because the weight {weight} is 0.")
        assert found.change == {"loss_parameters": {weight: 1.0}}
        found = told({"ap": 0.1}, names, terms, zero, stages="two")  # it finds items all the same
        assert found.kind == "fitting" and "to 0." not in found.step
    found = told({"ap50": 0.0}, names - {"rpn_deltas_pred"}, terms, given, stages="two")
    assert "no term of the loss names rpn_deltas_pred" in found.sentence


def test_pixels_are_normalised_as_the_task_does() -> None:
    for task, usual in (("detection", "unit"), ("classification", "pixel")):
        step = steps.normalised({"task": task})
        assert RunSpec.parse({"task": task, **step.change}).normalise == usual


def test_a_term_that_drowns_another_is_weighed_less() -> None:
    norms = {"validation_term1_features": 0.01, "validation_term4_features": 3.0}
    found = told({"ap50": 0.1}, last=norms)
    assert found.cause == "drowned" and "m * mask pulls at the trunk 300 times" in found.sentence
    assert found.change["loss_parameters"] == {"m": 0.1}
    assert told({"ap50": 0.9}, last=norms).cause == ""  # it finds items all the same


def test_one_that_still_rises_trains_on() -> None:
    seen = {name: [0.0, value - 0.1, value] for name, value in WELL.items()}
    spec = RunSpec(task="detection", epochs=4)
    found = finding.judge(finding.Detector(spec, diagnosis.of({"inputs": INPUTS}), seen, {}))
    assert found.change == {"epochs": 8} and found.respect == "ap"
