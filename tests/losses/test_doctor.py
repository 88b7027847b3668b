"""The doctor's verdicts against what theory has proved, and against what a hand can compute."""

import json
import math

import numpy as np
import pytest

import losses
from losses import Diagnosis

CE = "-sum(y_true * log(y_pred), axis=-1)"
REVERSE_CE = "-sum(y_pred * log(clip(y_true, 1e-4, 1)), axis=-1)"
LOGIT_HINGE = (
    "true = sum(y_true * logits, axis=-1)\n"
    "maximum(1 + max(logits - 1e6 * y_true, axis=-1) - true, 0)"
)


def examined(loss: str, **parameters: float) -> Diagnosis:
    if loss.isidentifier():
        return losses.doctor(losses.get(loss, **parameters))
    return losses.doctor(losses.compile_loss(loss, **parameters))


def states(found: Diagnosis, *names: str) -> list[str]:
    return [found[name].state for name in names]


# What is known of each: proper, calibrated, symmetric, convex in the logits.
THEORY = {
    "categorical_crossentropy": ("yes", "yes", "no", "yes"),
    CE: ("yes", "yes", "no", "yes"),
    "brier": ("yes", "yes", "no", "no"),
    "mean_squared_error": ("yes", "yes", "no", "no"),  # Brier, divided by the classes
    "mean_absolute_error": ("no", "yes", "yes", "no"),  # Ghosh et al. 2017
    "focal": ("no", "yes", "no", "no"),  # Charoenphakdee et al. 2021
    "gce": ("no", "yes", "no", "no"),  # Zhang & Sabuncu 2018
    REVERSE_CE: ("no", "yes", "yes", "no"),  # Wang et al. 2019
    "nce": ("no", "yes", "yes", "no"),  # Ma et al. 2020
    "categorical_crossentropy_label_smoothing": ("no", "yes", "no", "yes"),
    "emd_squared": ("yes", "yes", "no", "no"),  # the ranked probability score
    LOGIT_HINGE: ("no", "no", "no", "yes"),  # Crammer & Singer's: Tewari & Bartlett 2007
}


@pytest.mark.parametrize("loss", THEORY)
def test_theory(loss: str) -> None:
    found = examined(loss)
    assert tuple(states(found, "proper", "calibrated", "symmetric", "convex")) == THEORY[loss]
    assert states(found, "sound", "finite", "gradient", "depends") == ["yes"] * 4
    assert found["coupled"].state == "no"


def test_focal_without_gamma_is_cross_entropy() -> None:
    assert states(examined("focal", gamma=0.0), "proper", "convex") == ["yes", "yes"]


def test_gce_lies_between_mae_and_cross_entropy() -> None:
    assert states(examined("gce", q=1.0), "symmetric", "bounded_above") == ["yes", "yes"]
    between = examined("gce", q=0.5)
    assert states(between, "symmetric", "bounded_above") == ["no", "yes"]
    assert between["bounded_above"].evidence["most"] == pytest.approx(2.0, abs=0.01)  # 1 / q


def test_a_counterexample_can_be_checked_by_hand() -> None:
    evidence = examined("focal")["proper"].evidence
    q, p = np.array(evidence["q"]), np.array(evidence["p"])

    def risk(guess: np.ndarray) -> float:
        held = guess[q > 0]
        return float(-(q[q > 0] * (1 - held) ** 2 * np.log(held)).sum())

    assert risk(p) == pytest.approx(evidence["least"], rel=1e-3)
    assert risk(q) == pytest.approx(evidence["at_q"], rel=1e-3)
    assert risk(p) < risk(q) - 1e-3


def test_symmetric_sum_of_mae() -> None:
    # Each class as the truth: 2 (1 - p) / C; over C classes 2 (C - 1) / C.
    evidence = examined("mean_absolute_error")["symmetric"].evidence
    assert evidence["least"] == pytest.approx(1.8, rel=1e-4)
    assert evidence["most"] == pytest.approx(1.8, rel=1e-4)


def test_label_smoothing_stops_before_the_truth() -> None:
    found = examined("categorical_crossentropy_label_smoothing", label_smoothing=0.1)
    assert found["truth"].state == "no"
    assert found["truth"].evidence["p_true"] == pytest.approx(1 - 0.1 + 0.1 / 10, abs=0.005)


def test_cross_entropy_pushes_with_softmax_minus_truth() -> None:
    found = examined("categorical_crossentropy")
    pushes = found["push"].evidence["at"]
    assert pushes == pytest.approx({"0.01": 0.99, "0.5": 0.5, "0.99": 0.01}, abs=1e-5)
    assert found["scale"].evidence["ratio"] == pytest.approx(1, rel=1e-4)
    assert found["truth"].state == "yes"


def test_hinge_is_silent_past_the_margin() -> None:
    # p = 0.5 with nine even rivals is a lead of log 9 = 2.2 logits: past the margin of 1.
    pushes = examined(LOGIT_HINGE)["push"].evidence["at"]
    assert pushes == pytest.approx({"0.01": 1.0, "0.5": 0.0, "0.99": 0.0})


def test_mae_hardly_feels_a_sure_mistake() -> None:
    found = examined("mean_absolute_error")
    assert states(found, "push", "scale", "bounded_above") == ["no", "no", "yes"]
    # dL/dz = 2 p (1 - p) / C
    assert found["push"].evidence["at"]["0.5"] == pytest.approx(0.05, rel=1e-3)


def test_bounds_are_told_from_the_clip() -> None:
    above = examined("categorical_crossentropy")["bounded_above"]
    assert (above.state, above.evidence["clip"]) == ("no", False)
    clipped = examined("p = clip(y_pred, 1e-7, 1)\n-log(sum(y_true * p, axis=-1))")["bounded_above"]
    assert (clipped.state, clipped.evidence["clip"]) == ("no", True)
    assert clipped.evidence["most"] == pytest.approx(-math.log(1e-7), rel=1e-3)
    assert examined("brier")["bounded_above"].evidence["most"] == pytest.approx(2.0)


def test_negative_cross_entropy_has_no_end_below() -> None:
    found = examined("sum(y_true * log(y_pred), axis=-1)")
    assert states(found, "bounded_below", "sound", "truth") == ["no", "no", "no"]


def test_a_mean_inside_couples_the_batch() -> None:
    each = "-sum(y_true * log(y_pred), axis=-1)"
    assert examined(f"mean({each})**2")["coupled"].state == "yes"
    assert examined(f"x = {each}\nx / mean(x)")["coupled"].state == "yes"
    averaged = examined(f"mean({each})")
    assert states(averaged, "coupled", "proper", "convex") == ["no", "yes", "yes"]
    added = examined(f"sum({each})")["coupled"]
    assert (added.state, "adds the batch up" in added.sentence) == ("no", True)


def test_a_constant_does_not_depend_on_the_prediction() -> None:
    found = examined("0 * sum(y_pred * y_true, axis=-1) + 1")
    assert states(found, "depends", "sound") == ["no", "no"]
    assert states(found, "proper", "symmetric", "convex", "truth") == ["n/a"] * 4


def test_what_only_compares_samples_is_judged_by_the_batch() -> None:
    found = examined("square(y_pred[:, 0] - mean(y_pred[:, 0]))")
    assert states(found, "depends", "sound", "coupled", "proper") == ["yes", "yes", "yes", "n/a"]


def test_a_gradient_that_is_no_slope_is_found() -> None:
    text = "-sum(y_true * log(y_pred), axis=-1) * stop_gradient(1 - sum(y_true * y_pred, axis=-1))"
    found = examined(text)["gradient"]
    assert found.state == "no"
    assert found.evidence["claimed"] != pytest.approx(found.evidence["differences"], rel=0.01)


def test_what_is_not_finite_is_shown_where() -> None:
    found = examined("sqrt(sum(y_true * (1 - y_pred), axis=-1) - 2e-7)")
    assert states(found, "finite", "sound") == ["no", "no"]
    assert len(found["finite"].evidence["p"]) == 10


def test_two_runs_say_the_same() -> None:
    assert examined("focal").as_dict() == examined("focal").as_dict()


def test_a_slow_loss_is_left_unfinished() -> None:
    found = losses.doctor(losses.get("brier"), seconds=0.0)
    assert "too slow" in found["proper"].sentence
    assert found["proper"].state == "unknown"


def test_features_are_no_probabilities() -> None:
    found = examined("center_loss")
    assert states(found, "proper", "convex", "push") == ["n/a"] * 3
    assert "centers" in found["proper"].sentence
    assert states(found, "sound", "bounded_below", "bounded_above") == ["yes", "yes", "no"]
    assert examined("supcon")["coupled"].state == "yes"


@pytest.mark.parametrize("name", [info.name for info in losses.catalog()])
def test_every_named_loss_has_a_whole_card(name: str) -> None:
    found = examined(name)
    card = found.as_dict()
    json.dumps(card, allow_nan=False)
    assert len(card["verdicts"]) == 14
    for verdict in found.verdicts:
        assert verdict.sentence[0].isupper() and verdict.sentence.endswith(".")
        assert verdict.state in ("yes", "no", "n/a")
        assert "cannot be computed" not in verdict.sentence
    assert states(found, "sound", "finite", "depends") == ["yes"] * 3
    # Circle loss holds its weights still by stop_gradient (Sun et al. 2020). The semi-hard negative
    # jumps to another sample where the positive passes it: the value has steps.
    stepped = name in ("circle", "triplet_semi_hard")
    assert found["gradient"].state == ("no" if stepped else "yes")


def test_slopes_of_picked_rows_are_slopes_like_others() -> None:
    text = "-mean(features[labels], axis=-1)"
    assert losses.check(text)["probe"]["gradient_norm"] > 0
    assert examined(text)["gradient"].state == "yes"
