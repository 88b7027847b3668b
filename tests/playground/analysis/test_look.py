"""Looks into a network, by the one door the worker uses, on a run that really trained."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from playground import RunSpec, datasets, models, train
from playground.analysis import answer
from playground.analysis.network import Network, network
from playground.errors import WorkerError
from playground.training.events import Snapshot

SPEC = RunSpec(dataset="digits", width=8, depth=2, embedding=16, epochs=3, batch_norm=True)


@pytest.fixture(scope="module")
def snapshots() -> list[Snapshot]:
    return [event for event in train(SPEC) if isinstance(event, Snapshot)]


@pytest.fixture(scope="module")
def model(snapshots: list[Snapshot]) -> keras.Model:
    return models.restore(SPEC, snapshots[-1].arrays)


@pytest.fixture(scope="module")
def look(snapshots: list[Snapshot]):
    def ask(what: str, snapshot: int = -1, **question: object) -> dict:
        kept = snapshots[snapshot]
        asked = {"what": what, "spec": SPEC.to_json(), "weights": kept.arrays, "step": kept.step}
        return answer({**asked, **question})

    return ask


def values_of(layer: dict) -> np.ndarray:
    """A layer's maps (N, H, W) out of their 256 steps."""
    low, high = (layer[name][:, None, None] for name in ("low", "high"))
    return low + layer["data"] / 255 * (high - low)


def test_snapshots_begin_with_the_untrained_network_and_follow_it(snapshots) -> None:
    steps = [snapshot.step for snapshot in snapshots]
    assert steps[0] == 0 and steps == sorted(set(steps)) and len(steps) > 10
    first, last = (snapshots[at].arrays["block1_conv/kernel"] for at in (0, -1))
    assert np.abs(first - last).max() > 0.01


def test_the_bounds_of_every_map_are_those_of_a_direct_forward_pass(look, model) -> None:
    dataset = datasets.load("digits")
    image = dataset.test_images[5][None].astype("float32")
    answer = look("maps", image={"test": 5})
    (image_of,) = answer["images"]
    assert image_of["label"] == dataset.test_labels[5]
    np.testing.assert_allclose(
        image_of["probabilities"], np.asarray(model(image, training=False))[0], atol=1e-5
    )
    names = [layer["name"] for layer in answer["layers"]]
    assert names[0] == "normalise" and "block2_activation" in names and names[-1] == "probabilities"
    for layer in answer["layers"]:
        direct = keras.Model(model.input, model.get_layer(layer["name"]).output)
        maps = np.asarray(direct(image, training=False))[0]
        maps = np.moveaxis(maps, -1, 0) if maps.ndim == 3 else maps[None, None]
        np.testing.assert_allclose(layer["low"], maps.min(axis=(1, 2)), atol=1e-5)
        np.testing.assert_allclose(layer["high"], maps.max(axis=(1, 2)), atol=1e-5)
        step = (layer["high"] - layer["low"]).max() / 255
        assert np.abs(values_of(layer) - maps).max() <= step / 2 + 1e-5


def test_gradients_are_those_of_the_runs_loss(look, model) -> None:
    dataset = datasets.load("digits")
    image = tf.constant(dataset.test_images[3][None].astype("float32"))
    label = dataset.test_labels[3]
    layer = model.get_layer("block1_activation")
    both = keras.Model(model.input, [layer.output, model.output])
    with tf.GradientTape() as tape:
        maps, probabilities = both(image, training=False)
        loss = -tf.math.log(probabilities[0, label])
    expected = np.moveaxis(np.asarray(tape.gradient(loss, maps))[0], -1, 0)
    (found,) = look("maps", image={"test": 3}, gradients=True, layer="block1_activation")["layers"]
    step = (found["high"] - found["low"]).max() / 255
    assert np.abs(values_of(found) - expected).max() <= step / 2 + 1e-5
    assert np.abs(expected).max() > 0


def test_one_filter_alone_is_the_same_as_among_all(look) -> None:
    (layer,) = look("maps", layer="block2_activation")["layers"]
    (alone,) = look("maps", layer="block2_activation", unit=3)["layers"]
    assert alone["data"].shape[0] == 1
    np.testing.assert_array_equal(alone["data"][0], layer["data"][3])


def test_a_filter_shows_its_kernel_whichever_of_its_maps_is_asked_for(look, model) -> None:
    kernel = np.asarray(model.get_layer("block2_conv").kernel)[..., 2]
    for layer in ("block2_conv", "block2_norm", "block2_activation", "block2_pool"):
        found = look("kernel", layer=layer, unit=2)
        assert found["layer"] == "block2_conv"
        np.testing.assert_array_equal(found["kernel"], kernel)
        assert found["gradient"].shape == kernel.shape and np.abs(found["gradient"]).max() > 0


def test_receptive_fields_are_where_a_pixel_makes_a_difference(model) -> None:
    """Moving one pixel moves just those places whose field it lies in."""
    random = np.random.default_rng(0)
    for name in ("block1_conv", "block1_pool", "block2_conv", "block2_activation", "block2_pool"):
        size, jump, first = models.plan(SPEC).receptive_field(name)
        tap = keras.Model(model.input, model.get_layer(name).output)
        touched = None
        for _ in range(40):  # a maximum or a ReLU may hide a single change
            image = random.uniform(0, 255, (1, 8, 8, 1)).astype("float32")
            other = image.copy()
            other[0, 3, 4] = random.uniform(0, 255)
            moved = (np.asarray(tap(image)) != np.asarray(tap(other))).any(axis=(0, 3))
            touched = moved if touched is None else touched | moved
        rows, columns = (np.arange(side) * jump + first for side in touched.shape)
        inside_rows = (rows <= 3) & (rows + size > 3)
        inside_columns = (columns <= 4) & (columns + size > 4)
        np.testing.assert_array_equal(touched, inside_rows[:, None] & inside_columns[None])


def test_exemplars_are_the_images_that_excite_a_filter_most(look, model) -> None:
    found = look("exemplars", layer="block2_activation", unit=1)
    images = datasets.load("digits").test_images
    tap = keras.Model(model.input, model.get_layer("block2_activation").output)
    best = np.asarray(tap(images.astype("float32")))[..., 1].max(axis=(1, 2))
    np.testing.assert_allclose(found["values"], np.sort(best)[::-1][: len(found["values"])], 1e-4)
    np.testing.assert_array_equal(found["images"], images[found["indices"]])
    top, left, bottom, right = found["regions"].T
    assert (
        (top >= 0).all() and (bottom <= 8).all() and (top < bottom).all() and (left < right).all()
    )


def test_reasons_are_maps_of_the_image_and_the_same_twice(look) -> None:
    found = look("why", image={"test": 0})
    for name in ("grad_cam", "saliency", "smooth_grad", "occlusion"):
        assert found[name].shape == (8, 8) and np.isfinite(found[name]).all()
    assert found["saliency"].min() >= 0 and found["saliency"].max() > 0
    assert found["grad_cam"].min() >= 0
    again = look("why", image={"test": 0})
    np.testing.assert_array_equal(found["smooth_grad"], again["smooth_grad"])
    assert look("why", image={"test": 0}, target=3)["target"] == 3


def test_hiding_what_matters_lowers_the_probability(look) -> None:
    """The right class' own strokes: some place must cost probability."""
    found = look("why", image={"test": 0})
    assert found["occlusion"].max() > 0.01


def test_browsing_gives_labels_and_predictions_of_the_test_images(look, model) -> None:
    dataset = datasets.load("digits")
    found = look("browse")
    count = len(found["labels"])
    np.testing.assert_array_equal(found["labels"], dataset.test_labels[:count])
    direct = np.asarray(model(dataset.test_images[:count].astype("float32"))).argmax(axis=1)
    np.testing.assert_array_equal(found["wrong"], direct != dataset.test_labels[:count])


def test_a_filter_that_answers_nothing_is_counted_as_dead(snapshots) -> None:
    plain = RunSpec(dataset="digits", width=8, depth=1, embedding=16, epochs=1)
    kept = [event for event in train(plain) if isinstance(event, Snapshot)][-1]
    broken = dict(kept.arrays)
    broken["block1_conv/bias"] = np.where(np.arange(8) < 3, -1e4, 0).astype(np.float32)
    asked = {"what": "dead", "spec": plain.to_json(), "step": kept.step}
    before = answer({**asked, "weights": kept.arrays})["layers"][0]
    after = answer({**asked, "weights": broken})["layers"][0]
    assert after["name"] == "block1_activation" and after["filters"] == 8
    assert after["dead"] >= 3 and after["dead"] >= before["dead"]
    assert 0 <= before["zeros"] <= 1


def test_filters_are_matched_whatever_their_order(look, snapshots) -> None:
    shuffled = dict(snapshots[-1].arrays)
    order = np.random.default_rng(1).permutation(8)
    for name, array in shuffled.items():
        if name.startswith(("block1_conv", "block1_norm")):
            shuffled[name] = array[..., order]
    other = {"spec": SPEC.to_json(), "weights": shuffled, "step": 0}
    found = look("match", layer="block1_conv", other=other)
    np.testing.assert_array_equal(order[found["partner"]], np.arange(8))
    assert found["correlation"].min() > 0.999


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ({"what": "maps", "layer": "block9_conv"}, "no such layer"),
        ({"what": "maps", "image": {"test": 10**6}}, "no test image"),
        ({"what": "maps", "image": {"pixels": np.zeros(5, np.uint8)}}, "does not fit"),
        ({"what": "kernel", "layer": "features", "unit": 0}, "no filters"),
        ({"what": "kernel", "layer": "block1_conv", "unit": 99}, "no such filter"),
        ({"what": "exemplars", "layer": "logits", "unit": 0}, "no filters"),
        ({"what": "why", "image": {"test": 0}, "target": 10}, "no class 10"),
        ({"what": "eval"}, "cannot be looked at"),
    ],
)
def test_a_question_without_sense_is_refused_in_words(look, question, said) -> None:
    with pytest.raises(WorkerError, match=said):
        look(**question)


def test_any_picture_that_fits_is_looked_at_as_it_is(look) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, 64).astype(np.uint8)
    found = look("maps", image={"pixels": pixels})
    (image,) = found["images"]
    assert image["label"] is None
    np.testing.assert_array_equal(image["pixels"].ravel(), pixels)


def test_a_loss_that_depends_on_the_epoch_is_looked_at_as_it_was_trained() -> None:
    """With images held out beside those trained on, an epoch is as many steps as the run's."""
    spec = SPEC.model_copy(
        update={
            "train_images": 320,
            "validation_images": 100,
            "loss": "-log(p_true) * 0 + epoch",
            "epochs": 1,
            "batch_size": 32,
        }
    )
    last = [event for event in train(spec) if isinstance(event, Snapshot)][-1]
    assert last.step == 10
    looked = network(spec.to_json(), last.arrays, step=5)
    batch = looked.batch(looked.row({"test": 3}))
    assert float(looked.loss_of(looked.outputs(batch), batch)) == pytest.approx(0.5)


def test_the_epoch_of_a_look_is_the_run_s() -> None:
    """Steps of an epoch as the run counted them, which had phases: worked out from the images it
    would be another."""
    spec = RunSpec(dataset="digits", width=2, embedding=4, loss="(1 + epoch) * cross_entropy()")
    built = models.connect(spec)
    weights = {each.path: each.numpy() for each in built.model.weights}
    weights |= models.pixel_statistics(np.zeros((1, 8, 8, 1), np.uint8), "unit").as_arrays()
    found = Network(spec)
    found.load(weights, 10, step=20)
    images, labels = found.seen("test")
    values = []
    for steps_per_epoch in (10, 20):
        found.load(weights, steps_per_epoch, step=20)
        batch = found.batch(found.together(images[:8], labels[:8]))
        values.append(float(found.loss_of(found.outputs(batch), batch)))
    assert values[0] / values[1] == pytest.approx(3 / 2)
