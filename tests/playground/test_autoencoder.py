"""Autoencoder: its parts by hand in float64, its kinds, and what is decoded."""

import numpy as np
import pytest
import tensorflow as tf

import losses
from playground import RunSpec, datasets, models, train, trainable
from playground.analysis import answer
from playground.autoencoders import STARTS, keras_example
from playground.errors import SpecError, WorkerError
from playground.tasks import TASKS
from playground.training.autoencoder import AutoencoderWork
from playground.training.events import Evaluated, Failed, Finished, Snapshot

OFFERED = trainable.offered("autoencoder")


def spec(**changes: object) -> RunSpec:
    small = {"dataset": "digits", "epochs": 1, "width": 8, "hidden": 16}
    return RunSpec.parse({"task": "autoencoder", **small, **changes})


def work(**changes: object) -> AutoencoderWork:
    return AutoencoderWork(spec(**changes), datasets.load("digits"))


def rows(count: int = 24) -> dict[str, np.ndarray]:
    found = datasets.load("digits")
    return {"images": found.test_images[:count], "labels": found.test_labels[:count]}


def provided(of: AutoencoderWork, training: bool = False) -> dict[str, np.ndarray]:
    batch = of.batch({name: tf.constant(each) for name, each in rows().items()}, None)
    model = of.built.giving(of.outputs)
    inputs = batch.inputs if len(batch.inputs) > 1 else batch.inputs["images"]
    outputs = model(inputs, training=training)
    clock = (tf.constant(0.0),) * 3
    found = of.provided(outputs, batch.parts[0][1], clock)
    said = {name: np.asarray(each, np.float64) for name, each in found.items()}
    reported = of.report(outputs, batch.parts[0][1])
    return said | {f"reported {name}": np.asarray(each) for name, each in reported.items()}


def by_hand(found: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Reconstruction and divergence of each image, in float64 (Kingma & Welling 2014, B)."""
    x, x_hat = found["x"], found["x_hat"]
    entropy = -(x * np.log(x_hat) + (1 - x) * np.log1p(-x_hat))
    variance = np.exp(found["log_var"])
    divergence = -0.5 * (1 + found["log_var"] - found["mu"] ** 2 - variance)
    return entropy.sum(axis=(1, 2, 3)), divergence.sum(axis=1)


@pytest.mark.parametrize("changes", [{}, {"latent": 5}, {"conditional": True}, {"kind": "plain"}])
def test_the_parts_and_the_loss_are_those_worked_out_by_hand(changes: dict) -> None:
    of = work(**changes)
    found = provided(of)
    reconstruction, divergence = by_hand(found)
    assert found["reported reconstruction"] == pytest.approx(reconstruction.mean(), rel=1e-5)
    assert found["reported divergence"] == pytest.approx(divergence.mean(), rel=1e-4, abs=1e-5)
    tensors = {name: tf.constant(each, tf.float32) for name, each in found.items()}
    loss = of.trained(of.loss, {**tensors, "labels": rows()["labels"]})
    assert float(loss) == pytest.approx((reconstruction + divergence).mean(), rel=1e-5)


def test_the_divergence_is_that_of_two_normal_distributions_by_quadrature() -> None:
    mean, log_variance = 0.7, -0.9
    deviation = np.exp(log_variance / 2)
    z = np.linspace(mean - 12 * deviation, mean + 12 * deviation, 200_001)
    log_q = -0.5 * ((z - mean) / deviation) ** 2 - np.log(deviation * np.sqrt(2 * np.pi))
    log_p = -0.5 * z**2 - 0.5 * np.log(2 * np.pi)
    wanted = np.trapezoid(np.exp(log_q) * (log_q - log_p), z)
    text = "mean(-0.5 * sum(1 + log_var - square(mu) - exp(log_var), axis=-1))"
    loss = losses.WrittenLoss(text, provided=OFFERED)
    given = {"mu": tf.constant([[mean]]), "log_var": tf.constant([[log_variance]])}
    assert float(loss.on(given)) == pytest.approx(wanted, rel=1e-5)


def test_a_code_is_drawn_in_training_alone() -> None:
    of = work()
    still, drawn, again = provided(of), provided(of, True), provided(of, True)
    np.testing.assert_array_equal(still["z"], still["mu"])
    assert np.any(drawn["z"] != again["z"])
    plain = provided(work(kind="plain"), True)
    np.testing.assert_array_equal(plain["z"], plain["mu"])
    assert not plain["log_var"].any()


def test_noise_is_on_the_input_of_training_alone_and_of_its_spread() -> None:
    of = work(noise=0.1)
    given = {name: tf.constant(each) for name, each in rows(64).items()}
    first, again, later = (
        np.asarray(of.batch(given, tf.constant(step)).inputs["images"]) for step in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert np.any(first != later)
    images = rows(64)["images"].astype(np.float64)
    inside = (images > 80) & (images < 175)  # three deviations from where it is clipped
    assert np.std((first - images)[inside]) == pytest.approx(25.5, rel=0.1)
    assert first.min() >= 0 and first.max() <= 255
    batch = of.batch(given, tf.constant(1))
    np.testing.assert_allclose(batch.parts[0][1]["x"], images / 255, rtol=1e-6)
    np.testing.assert_array_equal(np.asarray(of.batch(given, None).inputs["images"]), images)


def test_a_conditional_decoder_draws_what_it_is_told() -> None:
    run = spec(conditional=True, epochs=12, latent=2, learning_rate=3e-3)
    shot = trained(run)[2]
    asked = {"spec": run.to_json(), "weights": shot.arrays, "step": shot.step, "what": "decode"}
    drawn = [answer({**asked, "codes": [[0.0, 0.0]], "target": k})["images"][0] for k in range(10)]
    dataset = datasets.load("digits")
    means = [dataset.test_images[dataset.test_labels == k].mean(axis=0) for k in range(10)]
    apart = np.array([[np.square(a - b).mean() for b in means] for a in np.float64(drawn)])
    assert np.mean(apart.argmin(axis=1) == np.arange(10)) >= 0.7
    with pytest.raises(WorkerError, match="no such class"):
        answer({**asked, "codes": [[0.0, 0.0]], "target": 10})


def trained(run: RunSpec) -> tuple[list[Evaluated], Finished, Snapshot]:
    events = list(train(run))
    assert not [each for each in events if isinstance(each, Failed)]
    shots = [each for each in events if isinstance(each, Snapshot)]
    return [each for each in events if isinstance(each, Evaluated)], events[-1], shots[-1]


def test_digits_are_learned_and_each_dimension_is_reported() -> None:
    run = spec(epochs=12, latent=4, learning_rate=3e-3)
    evaluated, finished, shot = trained(run)
    assert isinstance(finished, Finished)
    seen = [each.metrics for each in evaluated if each.split == "validation"]
    assert seen[-1]["elbo"] < seen[0]["elbo"] - 15
    assert seen[-1]["elbo"] == pytest.approx(seen[-1]["reconstruction"] + seen[-1]["divergence"])
    assert seen[-1]["active"] >= 2
    held = [each.arrays["divergences"] for each in evaluated if each.split == "validation"]
    assert held[-1].shape == (4,)
    assert held[-1].sum() == pytest.approx(seen[-1]["divergence"], rel=1e-4)
    asked = {"spec": run.to_json(), "weights": shot.arrays, "step": shot.step}
    shown = answer({**asked, "what": "latent"})
    # A place of the plane is a code, which the decoder draws as the whole network does.
    images = datasets.load("digits").test_images[:12]
    code = models.reconnect(run, shot.arrays).giving(("mu", "x_hat"))(np.float32(images))
    plane = shown["origin"] + shown["points"][:12] @ shown["axes"]
    left = np.asarray(code["mu"]) - plane  # what the two axes do not say
    assert np.abs(left @ shown["axes"].T).max() < 1e-3
    again = answer({**asked, "what": "reconstructions"})["reconstructions"]
    np.testing.assert_allclose(again, 255 * np.asarray(code["x_hat"]), atol=0.51)
    middle = answer({**asked, "what": "decode", "codes": np.asarray(code["mu"]).tolist()})
    np.testing.assert_array_equal(middle["images"], again)
    own = answer({**asked, "what": "encode", "image": {"pixels": images[3].reshape(-1)}})
    np.testing.assert_array_equal(own["images"], [images[3], again[3]])
    np.testing.assert_allclose(own["code"], np.asarray(code["mu"])[3], atol=1e-4)
    walk = answer({**asked, "what": "decode", "walk": [0, 5]})["images"]
    np.testing.assert_array_equal(walk[[0, -1]], again[[0, 5]])


def test_a_class_head_learns_the_classes() -> None:
    run = spec(class_head=True, latent=8, hidden=32, epochs=15, learning_rate=3e-3)
    head = STARTS["headed"].specs()[0].loss
    run = spec(**{**run.model_dump(), "loss": head})
    shot = trained(run)[2]
    network = models.reconnect(run, shot.arrays).giving(("probabilities",))
    dataset = datasets.load("digits")
    said = np.asarray(network(np.float32(dataset.test_images))).argmax(axis=1)
    assert np.mean(said == dataset.test_labels) > 0.8


def test_what_is_no_code_or_no_autoencoder_is_said() -> None:
    run = spec(latent=3)
    weights = trained(run)[2].arrays
    asked = {"spec": run.to_json(), "weights": weights, "step": 1, "what": "decode"}
    with pytest.raises(WorkerError, match="has 3 numbers"):
        answer({**asked, "codes": [[0.0, 1.0]]})
    with pytest.raises(WorkerError, match="from one test image to another"):
        answer({**asked, "walk": [0, 99_999]})


def test_a_loss_of_the_class_head_needs_one() -> None:
    with pytest.raises(SpecError, match="p_class comes from the class head"):
        list(train(spec(loss=STARTS["headed"].specs()[0].loss)))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"latent": 0}, "latent"),
        ({"noise": 1.5}, "noise"),
        ({"kind": "vague"}, "kind"),
        ({"width": 1}, "width"),
        ({"normalise": "raw"}, "normalise"),
        ({"mixup": 0.2}, "mixup: a setting of Classification; this run is Autoencoder"),
    ],
)
def test_wrong_settings_name_their_field(changes: dict, said: str) -> None:
    with pytest.raises(SpecError, match=f"^{said}"):
        spec(**changes)


def test_keras_example_is_the_network_and_the_data_of_its_page() -> None:
    """keras.io/examples/generative/vae: encoder 69,076 weights, decoder 65,089; 70,000 images,
    batches of 128, Adam at its default rate, 30 epochs."""
    run = keras_example()
    assert models.parameter_count(run) == 69_076 + 65_089
    assert (run.batch_size, run.learning_rate, run.epochs) == (128, 1e-3, 30)
    assert (run.optimizer, run.schedule, run.dataset) == ("adam", "constant", "mnist")
    small = work(with_test_images=True)
    assert len(small.rows["train"]["images"]) == 1797 == len(small.phases[0].rows)


@pytest.mark.parametrize("name", STARTS)
def test_every_beginning_is_a_loss_of_this_task(name: str) -> None:
    (run,) = STARTS[name].specs()
    found = losses.check(run.loss, inputs=OFFERED)
    assert found["ok"] and not found["warnings"]
    assert set(found["inputs"]) <= set(TASKS["autoencoder"].inputs)
