"""What was saved is loaded by Keras in a new process that only says `import losses`."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import losses
from losses.targets import HANDED, prediction

ROOT = Path(losses.__file__).parents[1]
X = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
LABELS = np.arange(8) % 3
ONE_HOT = np.eye(3, dtype="float32")[LABELS]
TEXTS = {
    "written": "g = 1.5  # 0..5\n-sum(y_true * log(y_pred), axis=-1) * g",
    "labels": "-log(sum(one_hot(labels, num_classes) * y_pred, axis=-1))",
    "called": "cross_entropy() + 0.1 * brier()",
}
OPTIONS = {"reduction": "sum", "name": "mine", "dtype": "float16"}
METRICS = ("macro_f1", "expected_calibration_error", "brier", "top_k_accuracy")
# Loads everything in the folder, of both formats, and says what each makes of the batch.
SECOND = """
import json, sys
import losses
import keras
import numpy as np
folder, found = sys.argv[1], {}
x, labels, one_hot = (np.array(part) for part in json.load(open(folder + "/batch.json")))
for name in json.load(open(folder + "/names.json")):
    model = keras.saving.load_model(folder + "/" + name)
    if isinstance(model.loss, dict):
        out = dict(zip(model.output_names, model(x)))
        found[name] = {each: [float(loss(one_hot, out[each])), loss.get_config(), loss.name]
                       for each, loss in model.loss.items()}
        continue
    loss, given = model.loss, [x, labels] if len(model.inputs) == 2 else x
    y = labels if "labels" in name else one_hot
    found[name] = [float(loss(y, model(given))), loss.get_config(), loss.name]
    if name.split(".")[0] in ("metrics", "centres"):
        found[name] += np.atleast_1d(model.evaluate(given, y, verbose=0, batch_size=3)).tolist()
    if len(model.inputs) == 2:
        found[name].append(np.asarray(model.get_layer("centre").centers).tolist())
print(json.dumps(found))
"""


def compiled(loss: Any, **options: Any) -> keras.Model:
    keras.utils.set_random_seed(0)
    ends = {"y_pred": "softmax"}.get(prediction(loss.inputs))
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation=ends)])
    model.compile("sgd", loss=loss, **options)
    return model


def with_centres() -> keras.Model:
    keras.utils.set_random_seed(0)
    images, truth = keras.Input((4,)), keras.Input((), dtype="int64")
    features = keras.layers.Dense(2)(images)
    held = losses.CenterLoss(3, weight=0.1, alpha=0.25, name="centre")([features, truth])
    model = keras.Model([images, truth], keras.layers.Dense(3, activation="softmax")(held))
    model.compile("sgd", loss=losses.get("focal", gamma=1.5))
    model.fit([X, LABELS], ONE_HOT, epochs=2, verbose=0)
    return model


def catalog() -> keras.Model:
    """A model with an output for each named loss that needs no more than Keras hands over."""
    keras.utils.set_random_seed(0)
    images = keras.Input((4,))
    logits = keras.layers.Dense(3)(images)
    ends = {"y_pred": keras.layers.Softmax()(logits), "logits": logits, "features": logits}
    made = {
        info.name: losses.get(info.name)
        for info in losses.catalog()
        if set(info.inputs) <= {*HANDED, "features"} and "counts" not in _knobs(info)
    }
    outputs = [
        keras.layers.Identity(name=name)(ends[prediction(loss.inputs)])
        for name, loss in made.items()
    ]
    model = keras.Model(images, outputs)
    model.compile("sgd", loss=made)
    return model


def models() -> dict[str, keras.Model]:
    made = {"catalog": catalog()}
    made["options"] = compiled(losses.get("poly1", epsilon=0.5, **OPTIONS))
    made["counts"] = compiled(losses.get("ldam", counts=(5.0, 3.0, 2.0), s=10.0))
    made["logits"] = compiled(losses.get("categorical_crossentropy", from_logits=True))
    for name, text in TEXTS.items():
        made[name] = compiled(losses.compile_loss(text, probe=False, **OPTIONS))
    made["moved"] = compiled(losses.compile_loss(TEXTS["written"], g=2.5, probe=False))
    made["number"] = compiled(losses.compile_loss("square(y_true - y_pred)", probabilities=False))
    measured = [losses.get_metric(name) for name in METRICS]
    measured.append(losses.compile_metric("mean(y_pred[:, 0])", name="first"))
    made["metrics"] = compiled(losses.get("brier"), metrics=measured)
    made["centres"] = with_centres()
    return made


def _knobs(info: losses.LossInfo) -> set[str]:
    return {knob.name for knob in info.parameters}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Any]]:
    """What each saved model says here, and in the second process."""
    folder = tmp_path_factory.mktemp("saved")
    here = {}
    for kind, model in models().items():
        if kind == "catalog":
            out = dict(zip(model.output_names, model(X), strict=True))
            found = {
                name: [float(loss(ONE_HOT, out[name])), loss.get_config(), loss.name]
                for name, loss in model.loss.items()
            }
            for suffix in ("keras", "h5"):
                model.save(folder / f"{kind}.{suffix}")
                here[f"{kind}.{suffix}"] = json.loads(json.dumps(found))
            continue
        given = [X, LABELS] if len(model.inputs) == 2 else X
        y = LABELS if "labels" in kind else ONE_HOT
        value = float(model.loss(y, model(given)))
        found = [value, model.loss.get_config(), model.loss.name]
        if kind in ("metrics", "centres"):
            found += np.atleast_1d(model.evaluate(given, y, verbose=0, batch_size=3)).tolist()
        if len(model.inputs) == 2:
            found.append(np.asarray(model.get_layer("centre").centers).tolist())
        for suffix in ("keras", "h5"):
            model.save(folder / f"{kind}.{suffix}")
            here[f"{kind}.{suffix}"] = json.loads(json.dumps(found))
    (folder / "names.json").write_text(json.dumps(list(here)))
    (folder / "batch.json").write_text(json.dumps([X.tolist(), LABELS.tolist(), ONE_HOT.tolist()]))
    done = subprocess.run(
        [sys.executable, "-c", SECOND, str(folder)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return here, json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_everything_is_loaded_in_a_second_process(
    loaded: tuple[dict[str, Any], dict[str, Any]], suffix: str
) -> None:
    here, there = loaded
    assert len(here[f"catalog.{suffix}"]) > 60
    for name in (name for name in here if name.endswith(f".{suffix}")):
        one, two = here[name], there[name]
        pairs = {name: (one, two)}
        if isinstance(one, dict):
            pairs = {each: (one[each], two[each]) for each in one}
        for each, ((value, config, *rest), (value2, config2, *rest2)) in pairs.items():
            assert config == config2 and rest[0] == rest2[0], each
            np.testing.assert_allclose(value2, value, rtol=1e-5, err_msg=each)
            for measured, measured2 in zip(rest[1:], rest2[1:], strict=True):
                np.testing.assert_allclose(measured2, measured, rtol=1e-5, err_msg=each)


@pytest.mark.parametrize("first", ["import losses, keras", "import keras, losses"])
def test_import_losses_alone_makes_them_known(first: str) -> None:
    code = (
        f"{first}\n"
        "for name in ('NamedLoss', 'WrittenLoss', 'CenterLoss', 'WrittenMetric'):\n"
        "    assert keras.saving.get_registered_object('losses>' + name) is not None, name\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_a_model_of_an_earlier_version_is_loaded() -> None:
    """Its config had no reduction, no dtype, and knew no from_logits."""
    loss = losses.NamedLoss.from_config({"loss": "focal", "knobs": {"gamma": 1.0}, "name": "focal"})
    assert (loss.reduction, loss.returned_dtype) == ("sum_over_batch_size", "float32")
    config = {"text": TEXTS["written"], "parameters": {"g": 2.0}, "num_classes": 3,
              "metric": False, "name": "written_loss"}  # fmt: skip
    assert losses.WrittenLoss.from_config(config).parameters["g"].value == 2.0
