"""Whatever is asked about a network of any task is answered, or told in words; and what is answered
of a network of two images, a code or phases is what its layers say."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from playground import RunSpec, analysis, datasets, models
from playground.errors import WorkerError
from playground.questions import LOOKS
from playground.tasks import TASKS
from playground.training.loop import prepare
from playground.training.siamese import SiameseWork

CHOSEN = {"layer": "features", "unit": 0, "step": 1}
PAIR = RunSpec(task="siamese", dataset="digits", width=4, depth=2, embedding=8)
CODE = RunSpec(
    task="autoencoder", dataset="digits", width=4, hidden=6, conditional=True, class_head=True
)
PHASES = RunSpec(task="incremental", dataset="digits", width=4, embedding=8, epochs=5)
DIGITS = datasets.load("digits")
ZERO = int(np.flatnonzero(DIGITS.test_labels == 0)[0])  # of a class that is there from the start


def asker(spec: RunSpec) -> Callable[..., dict[str, Any]]:
    """Asks about a spec's untrained network."""
    kept = {"spec": spec.to_json(), "weights": prepare(spec).weights(), "step": 1}
    return lambda what, **more: analysis.answer({**kept, "what": what, **more})


def network(spec: RunSpec) -> Any:
    return models.reconnect(spec, prepare(spec).weights())


def maps_of(layer: dict[str, Any]) -> np.ndarray:
    low, high = (layer[name][:, None, None] for name in ("low", "high"))
    return low + layer["data"] / 255 * (high - low)


def near(layer: dict[str, Any], output: Any) -> None:
    """The maps (N, H, W) of an answer are an output (1, H, W, N), within their 256 steps."""
    direct = np.asarray(output, np.float32)[0]
    direct = np.moveaxis(direct, -1, 0) if direct.ndim == 3 else direct[None, None]
    step = (layer["high"] - layer["low"]).max() / 255
    assert np.abs(maps_of(layer) - direct).max() <= step / 2 + 1e-4 * np.abs(direct).max()
    assert np.abs(direct).max() > 0


@pytest.mark.parametrize("task", TASKS)
def test_a_look_at_a_network_of_any_task_is_answered_or_refused_in_words(task: str) -> None:
    spec = TASKS[task].Spec(dataset="digits")
    weights = prepare(spec).weights()
    question = {"spec": spec.to_json(), "weights": weights, **CHOSEN}
    asked = [{"what": what} for what in sorted(LOOKS - {"file", "match"})]
    for what in [*asked, {"what": "maps", "layer": "", "unit": -1, "gradients": True}]:
        try:
            assert analysis.answer({**question, **what})
        except WorkerError as error:
            assert error.hint, what


@pytest.mark.parametrize("task", TASKS)
def test_maps_and_their_gradients_of_every_task_are_answered(task: str) -> None:
    ask = asker(TASKS[task].Spec(dataset="digits"))
    for gradients in (False, True):
        layers = ask("maps", gradients=gradients, image={"test": ZERO})["layers"]
        assert all(np.isfinite(each["low"]).all() for each in layers)
        assert max(each["high"].max() for each in layers) > 0
    if task != "detection":  # of a canvas of several items there is no one place
        assert len(ask("embedding")["points"]) == len(DIGITS.test_labels)


# Two images ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def of_pair() -> Callable[..., dict[str, Any]]:
    return asker(PAIR)


def pair(number: int) -> tuple[Any, Any]:
    rows = SiameseWork(PAIR, DIGITS).rows_of("test", np.array([number]))
    return tuple(tf.constant(rows[name].astype("float32")) for name in ("images", "partners"))


def test_a_trunk_that_is_called_twice_has_the_maps_of_both_images_side_by_side(of_pair) -> None:
    found, built = of_pair("maps", image={"test": 7}), network(PAIR)
    names = [each["name"] for each in found["layers"]]
    assert names.index("right_block1_conv") == names.index("block1_conv") + 1
    trunk = built.giving(("block1_conv", "block2_pool", "features"))
    for side, image in zip(("", "right_"), pair(7), strict=True):
        direct = trunk(image, training=False)
        for name, output in direct.items():
            layer = found["layers"][names.index(side + name)]
            near(layer, output)
            assert layer["side"] == ("right" if side else "left")
            assert layer["of"] == (name if side else "")
    assert {each["side"] for each in found["layers"] if each["name"] == "p_same"} == {""}


def test_both_images_of_a_pair_come_with_what_is_said_of_each_and_of_the_two(of_pair) -> None:
    found, built = of_pair("maps", image={"test": 7}), network(PAIR)
    left, right = pair(7)
    said = built.giving(("p_left", "p_right", "p_same", "distance"))({"left": left, "right": right})
    assert [each["name"] for each in found["images"]] == ["left", "right"]
    for image, pixels in zip(found["images"], (left, right), strict=True):
        np.testing.assert_array_equal(image["pixels"], np.asarray(pixels)[0])
        np.testing.assert_allclose(image["probabilities"], said[f"p_{image['name']}"][0], atol=1e-5)
    assert found["images"][0]["label"] == DIGITS.test_labels[7]
    assert found["pair"]["same"] == pytest.approx(float(said["p_same"][0, 1]), abs=1e-5)
    assert found["pair"]["distance"] == pytest.approx(float(said["distance"][0, 0]), rel=1e-4)
    # A visitor's own picture takes the left one's place; its partner stays.
    own = of_pair("maps", image={"test": 7, "pixels": np.full(64, 9, np.uint8)})["images"]
    assert own[0]["label"] is None and (own[0]["pixels"] == 9).all()
    np.testing.assert_array_equal(own[1]["pixels"], found["images"][1]["pixels"])


def test_gradients_of_a_pair_are_those_of_its_three_terms(of_pair) -> None:
    built = network(PAIR)
    left, right = pair(7)
    k = int(DIGITS.test_labels[7])
    other = of_pair("maps", image={"test": 7})["images"][1]["label"]
    giving = ("block2_pool", "right_block2_pool", "p_left", "p_right", "p_same")
    with tf.GradientTape() as tape:
        said = built.giving(giving)({"left": left, "right": right})
        loss = -tf.math.log(said["p_left"][0, k]) - tf.math.log(said["p_right"][0, other])
        loss -= 0.5 * tf.math.log(said["p_same"][0, int(k == other)])
    wanted = tape.gradient(loss, [said["block2_pool"], said["right_block2_pool"]])
    for name, gradient in zip(("block2_pool", "right_block2_pool"), wanted, strict=True):
        (layer,) = of_pair("maps", image={"test": 7}, gradients=True, layer=name)["layers"]
        near(layer, gradient)


def test_a_filter_of_either_image_is_that_of_the_one_trunk(of_pair) -> None:
    kernel = np.asarray(network(PAIR).model.get_layer("block2_conv").kernel)[..., 2]
    for layer in ("block2_conv", "right_block2_pool"):
        found = of_pair("kernel", image={"test": 7}, layer=layer, unit=2)
        np.testing.assert_array_equal(found["kernel"], kernel)
        assert found["layer"] == "block2_conv" and np.abs(found["gradient"]).max() > 0
    both = [of_pair("exemplars", layer=f"{side}block1_pool", unit=1) for side in ("", "right_")]
    np.testing.assert_array_equal(both[0]["indices"], both[1]["indices"])
    assert [each["name"] for each in of_pair("dead")["layers"]] == [
        "block1_activation",
        "block2_activation",
    ]


def test_pairs_that_a_head_gets_wrong_are_found(of_pair) -> None:
    found = of_pair("browse")
    rows = SiameseWork(PAIR, DIGITS).rows_of("test")
    images = {"left": rows["images"], "right": rows["partners"]}
    inputs = {name: tf.constant(each.astype("float32")) for name, each in images.items()}
    said = network(PAIR).giving(("p_left", "p_right", "p_same"))(inputs)
    left, right, same = (np.asarray(said[name]).argmax(axis=1) for name in said)
    truth = rows["labels"] == rows["partner_labels"]
    wrong = (left != rows["labels"]) | (right != rows["partner_labels"]) | (same != truth)
    np.testing.assert_array_equal(found["wrong"].astype(bool), wrong)
    np.testing.assert_array_equal(found["labels"], rows["labels"])


def test_the_embedding_of_a_pair_s_network_is_the_trunk_s(of_pair) -> None:
    found = of_pair("embedding", project=False)
    images = tf.constant(DIGITS.test_images.astype("float32"))
    direct = network(PAIR).giving(("features", "left_logits"))(images)
    np.testing.assert_allclose(found["points"], direct["features"], atol=1e-4)
    np.testing.assert_array_equal(found["predicted"], np.asarray(direct["left_logits"]).argmax(1))


# A code --------------------------------------------------------------------------------------


def test_a_conditional_autoencoder_is_looked_at_as_it_is_told_the_class() -> None:
    ask, built = asker(CODE), network(CODE)
    found = ask("maps", image={"test": 3})
    image = tf.constant(DIGITS.test_images[3:4].astype("float32"))
    told = tf.one_hot(DIGITS.test_labels[3:4], 10)
    names = ("encoder_conv2", "mu", "decoder_conv1", "x_hat")
    direct = built.giving(names)({"images": image, "condition": told})
    by_name = {each["name"]: each for each in found["layers"]}
    for name in names:
        near(by_name[name], direct[name])
    assert by_name["decoder_conv1"]["filters"] == "decoder_conv1"
    assert by_name["encoder_conv1"]["filters"] == "encoder_conv1"
    assert by_name["decoder_reshape"]["filters"] == ""
    (shown,) = found["images"]
    probabilities = built.giving(("probabilities",))({"images": image, "condition": told})
    np.testing.assert_allclose(shown["probabilities"], probabilities[0], atol=1e-5)
    places = ask("embedding", project=False)
    everything = tf.constant(DIGITS.test_images.astype("float32"))
    codes = built.giving(("mu",))(
        {"images": everything, "condition": tf.one_hot(DIGITS.test_labels, 10)}
    )
    np.testing.assert_allclose(places["points"], codes, atol=1e-4)
    assert places["method"] == "raw" and places["kernel"].shape == (2, 10)


def test_a_filter_of_the_decoder_shows_its_kernel_map_by_map() -> None:
    found = asker(CODE)("kernel", layer="decoder_conv2", unit=1)
    layer = network(CODE).model.get_layer("decoder_conv2")
    assert isinstance(layer, keras.layers.Conv2DTranspose)  # kernel: height, width, out, in
    np.testing.assert_array_equal(found["kernel"], np.asarray(layer.kernel)[:, :, 1, :])
    assert found["gradient"].shape == found["kernel"].shape
    assert np.abs(found["gradient"]).max() > 0


def test_a_network_without_a_class_head_says_no_classes_and_has_an_embedding_all_the_same() -> None:
    ask = asker(CODE.model_copy(update={"class_head": False}))
    assert "probabilities" not in ask("maps")["images"][0]
    assert "wrong" not in ask("browse")
    assert "predicted" not in ask("embedding") and "predicted" not in ask("neighbours", unit=5)
    with pytest.raises(WorkerError, match="tells no classes apart"):
        ask("why")


# Phases --------------------------------------------------------------------------------------


def test_a_network_is_asked_for_the_classes_that_had_come_by_then() -> None:
    kept = {"spec": PHASES.to_json(), "weights": prepare(PHASES).weights(), "steps_per_epoch": 10}
    for step, come in ((0, 2), (10, 2), (11, 4), (50, 10)):
        found = analysis.answer({**kept, "what": "maps", "step": step})
        probabilities = found["images"][0]["probabilities"]
        assert probabilities[:come].sum() == pytest.approx(1, abs=1e-5)
        assert (probabilities[come:] == 0).all()
        cloud = analysis.answer({**kept, "what": "embedding", "step": step})
        assert cloud["predicted"].max() < come


def test_gradients_are_those_of_the_phase_and_a_teacher_that_is_not_kept_is_named() -> None:
    kept = {"spec": PHASES.to_json(), "weights": prepare(PHASES).weights(), "steps_per_epoch": 10}
    asked = {**kept, "what": "maps", "gradients": True}
    assert "teacher_logits" in PHASES.loss
    assert analysis.answer({**asked, "step": 5})["layers"]
    with pytest.raises(WorkerError, match="takes teacher_logits"):
        analysis.answer({**asked, "step": 25})


# Regions ------------------------------------------------------------------------------------


def test_maps_of_regions_lie_side_by_side_and_of_single_boxes_the_surest_is_shown() -> None:
    spec = RunSpec(
        task="detection", stages="two", dataset="digits", width=4, held_canvases=20, proposals=8
    )
    ask = asker(spec)
    found = {each["name"]: each for each in ask("maps", image={"test": 0})["layers"]}
    assert found["rois"]["data"].shape == (8, 3 * 7, 3 * 7)  # 8 regions in a square of 9
    assert found["level8"]["data"].shape == (8, 8, 8)
    assert "rpn_boxes" not in found  # (640, 4) is no map
    assert found["mask_conv"]["data"].shape == (8, 14, 14)
    assert found["mask_logits"]["data"].shape == (1, 3 * 14, 3 * 14)
    assert len(ask("exemplars", layer="level4", unit=0)["values"])
    with pytest.raises(WorkerError, match="boxes that were found"):
        ask("exemplars", layer="mask_conv", unit=0)
