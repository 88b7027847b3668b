"""The doctor's findings against what theory has proved, and against what a hand can compute."""

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


# What is known of each: proper, calibrated, symmetric, convex in the logits, and whether its
# gradient stays where a wrong class leads by 100 logits; README's table, with its sources.
THEORY = {
    "categorical_crossentropy": ("yes", "yes", "no", "yes", "yes"),  # Good 1952
    CE: ("yes", "yes", "no", "yes", "yes"),
    "brier": ("yes", "yes", "no", "no", "no"),  # Brier 1950
    "mean_squared_error": ("yes", "yes", "no", "no", "no"),  # Brier, divided by the classes
    "mean_absolute_error": ("no", "yes", "yes", "no", "no"),  # Ghosh et al. 2017
    "focal": ("no", "yes", "no", "no", "yes"),  # Charoenphakdee et al. 2021
    "gce": ("no", "yes", "no", "no", "no"),  # Zhang & Sabuncu 2018
    REVERSE_CE: ("no", "yes", "yes", "no", "no"),  # Wang et al. 2019
    "nce": ("no", "yes", "yes", "no", "no"),  # Ma et al. 2020
    "categorical_crossentropy_label_smoothing": ("no", "yes", "no", "yes", "yes"),
    "emd_squared": ("yes", "yes", "no", "no", "no"),  # the ranked probability score
    "bi_tempered_logistic": ("no", "yes", "no", "no", "no"),  # Amid et al. 2019
    "logit_adjusted_ce": ("no", "no", "no", "yes", "yes"),  # Menon et al. 2021
    "class_balanced_ce": ("no", "no", "no", "yes", "yes"),  # Cui et al. 2019
    LOGIT_HINGE: ("no", "no", "no", "yes", "yes"),  # Crammer & Singer's: Tewari & Bartlett 2007
}


@pytest.mark.parametrize("loss", THEORY)
def test_theory(loss: str) -> None:
    found = examined(loss)
    names = ("proper", "calibrated", "symmetric", "convex", "sure")
    assert tuple(states(found, *names)) == THEORY[loss]
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
    assert len(card["findings"]) == 15
    for finding in found.findings:
        assert finding.sentence[0].isupper() and finding.sentence.endswith(".")
        assert finding.state in ("yes", "no", "n/a")
        assert "cannot be computed" not in finding.sentence
    assert states(found, "sound", "finite", "depends") == ["yes"] * 3
    # Circle loss holds its weights still by stop_gradient (Sun et al. 2020). The semi-hard negative
    # jumps to another sample where the positive passes it: the value has steps.
    stepped = name in ("circle", "triplet_semi_hard")
    assert found["gradient"].state == ("no" if stepped else "yes")


def test_slopes_of_picked_rows_are_slopes_like_others() -> None:
    text = "-mean(take(features, argsort(labels), axis=0), axis=-1)"
    assert losses.check(text)["probe"]["gradient_norm"] > 0
    assert examined(text)["gradient"].state == "yes"


FOCAL = "gamma = 2.0\npt = sum(y_true * y_pred, axis=-1)\n-(1 - pt)**gamma * log(pt)"
COUNTS = np.array([500, 400, 300, 200, 100, 90, 80, 70, 60, 50])


@pytest.mark.parametrize("loss", ["nt_xent", "lovasz_softmax", "generalised_dice", "supcon"])
def test_what_compares_the_samples_of_a_batch_is_found(loss: str) -> None:
    """One value a sample or one in all, whichever the others are."""
    assert examined(loss)["coupled"].state == "yes"


@pytest.mark.parametrize("far", [0, 10, 100, 500])
def test_an_absolute_value_has_a_lower_bound_wherever_it_is(far: int) -> None:
    found = examined(f"mean(abs(logits - {far} * y_true), axis=-1)")
    assert states(found, "bounded_below", "bounded_above", "sound") == ["yes", "no", "yes"]
    features = examined(f"mean(abs(features - {10 * far} * centers[labels]), axis=-1)")
    assert states(features, "bounded_below", "bounded_above", "sound") == ["yes", "no", "yes"]


@pytest.mark.parametrize("classes", [2, 10, 100])
def test_focal_is_convex_for_no_number_of_classes(classes: int) -> None:
    """Its slope by the margin falls again below p = 0.1 (Lin et al. 2017, figure 6)."""
    for text, state in ((FOCAL, "no"), (CE, "yes")):
        loss = losses.compile_loss(text, num_classes=classes, probe=False)
        assert losses.doctor(loss)["convex"].state == state


@pytest.mark.parametrize(
    "text",
    [
        f"progress * {CE}",
        f"(1 - progress) * {CE}",
        f"where(progress > 0.9, 1.0, 0.0) * {CE}",
        f"where(progress < 0.1, 1.0, 0.0) * {CE}",
        f"minimum(epoch / 5, 1) * {CE}",
        "progress * center()",
    ],
)
def test_what_comes_in_over_the_run_is_sound(text: str) -> None:
    assert states(examined(text), "sound", "depends") == ["yes", "yes"]


def test_confidence_penalty_stops_short_of_certainty() -> None:
    """-log(1 - e) - beta H is least about e = (C - 1) exp(-1 / beta): 9 exp(-10) = 4.1e-4."""
    found = examined("confidence_penalty")["truth"]
    assert found.state == "no"
    assert 1 - found.evidence["p_true"] == pytest.approx(9 * math.exp(-10), rel=0.15)
    assert found.evidence["least"] == pytest.approx(-0.1 * 9 * math.exp(-10), rel=0.02)


def test_it_is_said_what_a_loss_is_calibrated_for() -> None:
    adjusted = examined("logit_adjusted_ce")
    weights = np.array(adjusted["calibrated"].evidence["weights"])
    expected = 1 / COUNTS  # Menon et al. 2021: the odds over the prior
    np.testing.assert_allclose(weights / weights[0], expected / expected[0], rtol=0.02)
    assert "It is calibrated for the odds times a weight a class" in adjusted["calibrated"].sentence
    weights = np.array(examined("class_balanced_ce")["proper"].evidence["weights"])
    expected = 1 / (1 - 0.99**COUNTS)  # Cui et al. 2019
    np.testing.assert_allclose(weights / weights[0], expected / expected[0], rtol=0.02)
    tempered = examined("bi_tempered_logistic")["proper"]
    assert tempered.evidence["t"] == pytest.approx(1.2, abs=0.021)
    assert "tempered softmax with t = 1.2" in tempered.sentence
    sharpened = examined("gce", q=0.5)["proper"]  # p ~ q^(1 / (1 - 0.5))
    assert sharpened.evidence["power"] == pytest.approx(2.0, abs=0.02)
    assert "link" not in examined("focal")["proper"].evidence


def test_a_gradient_that_ends_at_the_clip_is_seen() -> None:
    """By hand: a step of cross-entropy is sqrt(2) wherever the wrong class leads far."""
    kept = examined(FOCAL)["sure"]
    assert kept.state == "yes"
    assert kept.evidence["at"]["20"] == pytest.approx(math.sqrt(2), rel=1e-3)
    assert kept.evidence["at"]["100"] == pytest.approx(math.sqrt(2), rel=1e-3)
    for guard in ("clip(y_pred, 1e-7, 1)", "maximum(y_pred, 1e-7)"):
        ended = examined(f"p = {guard}\n-log(sum(y_true * p, axis=-1))")["sure"]
        assert (ended.state, ended.evidence["at"]["20"]) == ("no", 0.0)
        assert "between p = 3e-7 and 2e-9" in ended.sentence
    faded = examined("mean_absolute_error")["sure"]
    assert (faded.state, "clip" in faded.sentence) == ("no", False)
    # dL/dz of the leader and of the truth is 2 p_t / C each, p_t = 1 / (e^5 + 9)
    by_hand = math.sqrt(2) * 0.2 / (math.exp(5) + 9)
    assert faded.evidence["at"]["5"] == pytest.approx(by_hand, rel=0.1)


def test_a_push_the_wrong_way_is_seen() -> None:
    away = examined("sum(y_true * log(y_pred), axis=-1)")["sure"]
    assert (away.state, "wrong way" in away.sentence) == ("no", True)
