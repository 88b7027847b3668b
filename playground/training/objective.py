"""What the classification task offers a loss: the tensors that design's table names."""

from collections.abc import Callable, Mapping
from typing import Any

import losses
from playground.errors import SpecError
from playground.spec import RunSpec

# What each input of a loss is made of, out of `facts`.
PROVIDED: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "y_true": lambda f: f["one_hot"],
    "y_pred": lambda f: f["probabilities"],
    "logits": lambda f: f["logits"],
    "labels": lambda f: f["labels"],
    "p_true": lambda f: _sum_of_classes(f["one_hot"] * f["probabilities"]),
    "features": lambda f: f["features"],
    "class_weights": lambda f: f["class_weights"],
    "num_classes": lambda f: f["num_classes"],
    "epoch": lambda f: f["epoch"],
    "step": lambda f: f["step"],
    "progress": lambda f: f["progress"],
}


def build(spec: RunSpec) -> Any:
    """The spec's loss, named or written. Raises losses.LossError for a text that is none, and
    SpecError for one that needs what classification does not have."""
    if spec.loss.isidentifier():
        loss = losses.get(spec.loss, **spec.loss_parameters)
    else:
        loss = losses.compile_loss(spec.loss, spec.loss_parameters)
    lacking = [name for name in loss.inputs if name not in PROVIDED]
    if lacking:
        raise SpecError(
            "loss",
            f"this loss needs {', '.join(lacking)}, which a classification run does not have",
            "Choose a loss of y_true, y_pred, logits, labels or features.",
        )
    return loss


def facts(
    features: Any, logits: Any, labels: Any, kernel: Any, step: Any, epoch: Any, progress: Any
) -> dict[str, Any]:
    """What the inputs of a loss are made of: features (B, D), logits (B, C), labels (B,), the last
    layer's kernel (D, C) and where in the run this is; in float32."""
    import tensorflow as tf

    logits = tf.cast(logits, tf.float32)
    classes = int(logits.shape[-1])
    return {
        "features": tf.cast(features, tf.float32),
        "logits": logits,
        "probabilities": tf.nn.softmax(logits),
        "labels": labels,
        "one_hot": tf.one_hot(labels, classes),
        "class_weights": tf.convert_to_tensor(kernel),
        "num_classes": tf.constant(float(classes)),
        "step": step,
        "epoch": epoch,
        "progress": progress,
    }


def tensors(loss: Any, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The mapping that `loss.on` takes, from what the step computed."""
    return {name: PROVIDED[name](facts) for name in loss.inputs}


def _sum_of_classes(values: Any) -> Any:
    import keras

    return keras.ops.sum(values, axis=-1)
