"""What the studio draws: held against formulas on paper, central differences and common sense."""

import numpy as np
import pytest

import losses
from losses.portraits import portrait

RNG = np.random.default_rng(3)
P = RNG.dirichlet(np.full(10, 0.4), size=40).astype("float32")
LABELS = RNG.integers(0, 10, 40)
BATCH = (LABELS, P)
FOCAL = "gamma = 2.0  # 0..5\n-(1 - p_true)**gamma * log(p_true)"


def view(text: str, what: str = "curve", **parameters: float) -> dict:
    return portrait(text, parameters, what, BATCH)


def test_curves_of_cross_entropy_are_those_on_paper() -> None:
    made = view("-sum(y_true * log(y_pred), axis=-1)")
    p = made["p"].astype("float64")
    inside = (p > 1e-5) & (p < 0.9999)
    for curve in (made, made["ghost"]):
        np.testing.assert_allclose(curve["loss"][inside], -np.log(p[inside]), rtol=1e-3, atol=1e-6)
        np.testing.assert_allclose(curve["slope"], p - 1, atol=2e-4)
        np.testing.assert_allclose(curve["slope_p"][inside], -1 / p[inside], rtol=2e-3)
    margin = np.log(p) - np.log((1 - p) / 9)
    np.testing.assert_allclose(made["margin"], margin, rtol=1e-4, atol=1e-4)


def test_dl_dp_is_the_slope_of_the_curve() -> None:
    made = view("brier")
    p, loss = made["p"].astype("float64"), made["loss"].astype("float64")
    inside = (p > 0.05) & (p < 0.95)
    along = np.gradient(loss, p)
    np.testing.assert_allclose(made["slope_p"][inside], along[inside], rtol=0.02, atol=0.02)


def test_a_slider_moves_the_same_compiled_loss_and_back() -> None:
    plain, steep = view(FOCAL), view(FOCAL, gamma=0.0)
    np.testing.assert_allclose(steep["loss"], steep["ghost"]["loss"], rtol=1e-3, atol=1e-6)
    np.testing.assert_array_equal(view(FOCAL)["loss"], plain["loss"])
    np.testing.assert_array_equal(view(FOCAL, gone=3.0)["loss"], plain["loss"])
    named = view("focal", gamma=2.0)
    np.testing.assert_allclose(named["loss"], plain["loss"], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "text",
    [
        "mean((y_true - y_pred)**2)",
        "0.5 * -mean(y_true * log(y_pred))",
        "mean(square(y_true - y_pred)) - mean(y_pred**2) / 4",
    ],
)
def test_a_text_that_averages_the_batch_itself_is_a_curve(text: str) -> None:
    made = view(text)
    loss = losses.compile_loss(text)
    p = float(made["p"][60])
    row = np.full((1, 10), (1 - p) / 9, "float32")
    row[0, 0] = p
    alone = float(loss.on({"y_true": np.eye(10, dtype="float32")[:1], "y_pred": row}))
    assert made["kind"] == "curve"
    assert float(made["loss"][60]) == pytest.approx(alone, rel=1e-4)


def test_weights_are_the_ratio_of_gradients() -> None:
    assert view("categorical_crossentropy", "weights")["weight"] == pytest.approx(1.0, rel=1e-3)
    made = view("mae", "weights")  # by the logits: 2 p_t (y - p) / C in direction of y - p and more
    h, loss = 1e-2, losses.get("mae")
    z, i, truth = np.log(P.astype("float64")), 5, np.eye(10)[LABELS]

    def at(moved: np.ndarray) -> float:
        e = np.exp(moved - moved.max(-1, keepdims=True))
        p = (e / e.sum(-1, keepdims=True)).astype("float32")
        return float(loss.on({"y_true": truth.astype("float32"), "y_pred": p}))

    slopes = np.zeros(10)
    for k in range(10):
        step = np.zeros_like(z)
        step[i, k] = h
        slopes[k] = 40 * (at(z + step) - at(z - step)) / (2 * h)
    assert float(made["push"][i]) == pytest.approx(float(np.linalg.norm(slopes)), rel=0.02)
    usual = np.linalg.norm(P[i] - truth[i])
    assert float(made["weight"][i]) == pytest.approx(np.linalg.norm(slopes) / usual, rel=0.02)
    np.testing.assert_array_equal(made["right"], P.argmax(-1) == LABELS)


def test_a_sum_over_the_batch_pushes_as_often_as_it_has_samples() -> None:
    mean, total = (view(f"-{name}(y_true * log(y_pred))", "weights") for name in ("mean", "sum"))
    ratio = total["weight"] / mean["weight"]
    np.testing.assert_allclose(ratio[np.isfinite(ratio)], 400.0, rtol=1e-3)


def test_simplex_of_cross_entropy_leads_to_the_truth() -> None:
    made = view("categorical_crossentropy", "simplex")
    tall = float(made["y"][-1])
    inside = np.isfinite(made["loss"])
    assert 0.4 < inside.mean() < 0.6  # half of its box
    top = np.broadcast_to(made["y"][:, None], inside.shape)[inside] / tall
    seen = (top > 0.05) & (top < 0.95)
    np.testing.assert_allclose(made["loss"][inside][seen], -np.log(top[seen]), rtol=0.02, atol=0.01)
    assert (made["arrows"][:, 3] > 0).all()  # up, where the truth is
    left, right = (made["arrows"][:, 0] < 0.49), (made["arrows"][:, 0] > 0.51)
    assert (made["arrows"][left, 2] > 0).all() and (made["arrows"][right, 2] < 0).all()


def test_what_a_curve_would_mislead_about_is_said_and_shown_otherwise() -> None:
    coupled = view("lovasz_softmax")
    assert coupled["kind"] == "batch" and "compares the samples" in coupled["note"]
    assert coupled["slope"].shape == (40,)
    assert "compares" in view("lovasz_softmax", "simplex")["reason"]
    assert "features" in view("arcface", "simplex")["reason"]
    ten = "w = array([1., 2, 3, 4, 5, 6, 7, 8, 9, 10])\n-sum(w * y_true * log(y_pred), axis=-1)"
    assert "ten classes" in view(ten, "simplex")["reason"]
    assert "teacher" in view("distillation")["note"]
    with pytest.raises(losses.LossError, match="y_tru"):
        view("-log(y_tru)")


def test_pairs_are_pulled_together_and_pushed_apart_up_to_the_margin() -> None:
    made = view("contrastive", margin=4.0)
    assert made["kind"] == "pairs"
    same, other = made["loss"]
    d = made["distance"]
    np.testing.assert_allclose(same, 0.5 * d**2, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(other, 0.5 * np.maximum(4 - d, 0) ** 2, rtol=1e-3, atol=1e-4)


def test_triplets_on_the_sphere_end_with_the_margin() -> None:
    made = view("triplet", margin=0.5)
    d, near = made["distance"], made["positive"]
    assert d[-1] == 2.0  # it looks at directions only: no two are farther apart
    expected = np.maximum(near[:, None] ** 2 - d[None] ** 2 + 0.5, 0)
    np.testing.assert_allclose(made["loss"], expected, atol=2e-3)


def test_points_are_drawn_to_their_centre() -> None:
    made = view("cross_entropy() * 0 + center()")
    assert made["kind"] == "points"
    own = made["marks"][made["labels"]]
    np.testing.assert_allclose(made["arrows"], own - made["points"], atol=1e-4)
