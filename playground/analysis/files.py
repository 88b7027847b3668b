"""A run's network as a file that other programs open."""

import re
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import onnx

import losses
from playground import layers, models
from playground.errors import SpecError
from playground.export_parts import COMPILED, NETWORK, ONNX
from playground.knobs import metric_key
from playground.spec import RunSpec
from playground.training import objective, optimizers

# What a loss or a metric of `model.compile` can be made of: a label and a probability.
OF_A_CALL = frozenset({"y_true", "y_pred", "labels", "p_true", "num_classes"})


def network_file(form: str, spec: RunSpec, weights: Mapping[str, np.ndarray]) -> bytes:
    """The content of a file of the spec's network with the weights of a snapshot: pixels (N, H, W,
    C) of 0 to 255 in, what the network answers out.

    `form` is the name of the file: `network.keras` without loss or optimiser, which plain Keras
    opens; `compiled.keras` with the run's loss, metrics and optimiser, for which `import losses` is
    needed; `network.onnx`. Raises SpecError where a run has no such file, KeyError for another
    form."""
    write = {NETWORK: _keras, COMPILED: _compiled, ONNX: _onnx}[form]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / form
        write(spec, weights, path)
        return path.read_bytes()


def _built(
    spec: RunSpec, weights: Mapping[str, np.ndarray], dtype: str = "", plain: bool = True
) -> keras.Model:
    plan = models.plan(spec)
    plan = replace(plan, dtype=dtype) if dtype else plan
    given = {"mean": weights["normalise/mean"], "variance": weights["normalise/variance"]}
    built = layers.build(plan, given, plain=plain)
    built.load(weights)
    return built.model


def _keras(spec: RunSpec, weights: Mapping[str, np.ndarray], path: Path) -> None:
    _built(spec, weights).save(path)


def _compiled(spec: RunSpec, weights: Mapping[str, np.ndarray], path: Path) -> None:
    """With the loss as `model.compile` takes it: of y_true and y_pred alone."""
    if spec.task != "classification":
        raise SpecError("task", f"`model.compile` has no place for a loss of {spec.task}")
    loss = objective.build(spec)
    if beyond := sorted({*loss.inputs} - OF_A_CALL):
        raise SpecError("loss", f"`model.compile` has no {', '.join(beyond)} for it")
    classes = models.plan(spec)[models.plan(spec).outputs[0]].shape[-1]
    metrics = [
        losses.compile_metric(each, num_classes=classes, probe=False, name=metric_key(each))
        for each in spec.measured
    ]
    fitting = [each for each in metrics if OF_A_CALL.issuperset(each.inputs)]
    model = _built(spec, weights)
    optimizer = optimizers.build(spec)
    optimizer.build(model.trainable_variables)
    model.compile(optimizer, loss, metrics=["accuracy", *fitting], jit_compile=False)
    model.save(path)


def _onnx(spec: RunSpec, weights: Mapping[str, np.ndarray], path: Path) -> None:
    """Computed in float32, whatever the run was; the batch may be of any size."""
    model = _built(spec, weights, "float32", plain=False)  # the graph has none of our classes
    sizes = models.plan(spec).inputs
    blank = {name: np.zeros((1, *shape), np.float32) for name, shape in sizes.items()}
    model(blank if len(blank) > 1 else next(iter(blank.values())))  # Keras exports what was called
    for layer in model.layers:
        if isinstance(layer, keras.layers.Normalization):
            # As NumPy they are constants of the graph; tf2onnx makes inputs of captured tensors.
            layer.mean, layer.variance = np.asarray(layer.mean), np.asarray(layer.variance)
    model.export(path, format="onnx", verbose=False)
    try:
        onnx.checker.check_model(path)
    except onnx.checker.ValidationError as error:  # tf2onnx leaves what it cannot translate
        lacking = re.search(r"No Op registered for (\w+)", str(error))
        said = f"has no operation {lacking[1]}" if lacking else "cannot have this network"
        raise SpecError("network", f"ONNX {said}", "Take it as a .keras file.") from error
