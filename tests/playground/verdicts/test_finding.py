"""What holds a detector back is told of numbers that show it, and of no others."""

from collections.abc import Mapping
from typing import Any

import pytest

from playground.spec import RunSpec
from playground.tasks.detection import OBJECTIVES
from playground.verdicts import diagnosis, finding

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


def test_a_detector_that_finds_items_is_told_what_it_lacks() -> None:
    found = told({})
    assert found.kind == "fitting" and "97.0% of the items are found" in found.sentence
    assert "boxes are what AP lacks most" in found.step  # 0.7 of 0.95 is 26% less
    assert "classes are what AP lacks" in told({"class_accuracy": 0.6}).step
    assert "Items are missed" in told({"recall": 0.5}).step
    assert ("Mask IoU", "80.0%") in found.evidence


@pytest.mark.parametrize(
    ("numbers", "cause", "said"),
    [
        ({"item_chance": 0.06, "background_chance": 0.05}, "background", "Objectness says nothing"),
        ({"box_iou": 0.01, "ap50": 0.0}, "", "The boxes stall"),
        ({"mask_iou": 0.02}, "", "The masks are empty"),
    ],
)
def test_what_holds_it_back_is_told(numbers: dict[str, float], cause: str, said: str) -> None:
    found = told(numbers)
    assert (found.kind, found.cause) == ("plateau", cause) and said in found.sentence


def test_boxes_that_do_not_touch_get_a_loss_that_pulls() -> None:
    text = OBJECTIVES["one"].replace("giou_loss", "iou_loss")
    found = told({"box_iou": 0.01}, loss=text)
    assert found.cause == "apart" and "no gradient" in found.sentence
    assert found.change == {"loss": OBJECTIVES["one"]}
    assert told({"box_iou": 0.5}, loss=text).kind == "fitting"


def test_what_no_term_trains_is_told_first() -> None:
    found = told({"mask_iou": 0.0}, INPUTS - {"masks_pred"})
    assert found.cause == "untrained" and "names masks_pred" in found.sentence
    found = told({"mask_iou": 0.0}, parameters={"m": 0.0})
    assert "weighed by m, 0" in found.sentence and found.change["loss_parameters"] == {"m": 1.0}
    found = told({"item_chance": 0.1, "background_chance": 0.1}, parameters={"o": 0.0})
    assert "weighed by o, 0" in found.sentence


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
