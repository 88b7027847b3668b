"""A run's loss and metrics, and the tensors that classification offers them by name."""

from collections.abc import Callable, Mapping
from typing import Any

import losses
from losses.weighing import weighed_terms
from playground import naming, trainable
from playground.datasets import source_of
from playground.errors import PlaygroundError, SpecError
from playground.knobs import metric_key
from playground.spec import RunSpec
from playground.tasks import TASKS

# What each input of a loss is made of, out of `provided`.
PROVIDED: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "y_true": lambda f: f["one_hot"],
    "y_pred": lambda f: f["probabilities"],
    "logits": lambda f: f["logits"],
    "labels": lambda f: f["labels"],
    "p_true": lambda f: _sum_of_classes(f["one_hot"] * f["probabilities"]),
    "features": lambda f: f["features"],
    "last_kernel": lambda f: f["last_kernel"],
    "centers": lambda f: f["centers"],
    "sample_weight": lambda f: _of_labels(f["class_weights"], f["labels"]),
    "class_weights": lambda f: f["class_weights"],
    "partner_features": lambda f: _features_at(f, _partners(f)),
    "negative_features": lambda f: _features_at(f, _pairs().negatives(f["labels"])),
    "same": lambda f: _same(f, _partners(f)),
    "num_classes": lambda f: f["num_classes"],
    "epoch": lambda f: f["epoch"],
    "step": lambda f: f["step"],
    "progress": lambda f: f["progress"],
}


class RefusedLoss(PlaygroundError, losses.LossError):
    """A run's loss is refused: `losses.LossError`, in the tree of `playground.errors`."""

    hint: str  # empty rather than None, as in that tree

    def __init__(self, refused: losses.LossError) -> None:
        losses.LossError.__init__(
            self,
            refused.message,
            refused.span,
            hint=refused.hint or "",
            fix=refused.fix,
            also=refused.also,
        )
        self.operator_hint = refused.hint or ""


def build(spec: RunSpec) -> Any:
    """The spec's loss, named or written. Raises RefusedLoss for a text that is none, and SpecError
    for one that needs what its task does not have."""
    try:
        if spec.loss.isidentifier():
            loss = losses.get(spec.loss, **spec.loss_parameters)
        else:
            loss = losses.compile_loss(
                spec.loss,
                spec.loss_parameters,
                num_classes=_classes(spec),
                inputs=trainable.offered(spec.task),
            )
    except losses.LossError as error:
        raise RefusedLoss(error) from error
    _check_inputs("loss", loss, spec.task)
    return loss


def _classes(spec: RunSpec) -> int:
    return len(source_of(spec.dataset).class_names)


def warnings(loss: Any, spec: RunSpec) -> list[str]:
    """What is to be known of a spec's loss before it trains."""
    own = [warning.message for warning in loss.warnings]
    return [*(f"{each.message}; {each.hint}" for each in _reach(loss, spec).values()), *own]


def remarks(loss: Any, spec: RunSpec) -> list[dict[str, str]]:
    """The same with `code`, such as "upside-down", `message`, `hint` and, where a text of the whole
    loss would mend it, `fix`."""
    reach = [
        {"code": code, "message": each.message, "hint": each.hint, "fix": each.fix or ""}
        for code, each in _reach(loss, spec).items()
    ]
    own = [
        {"code": each.code, "message": each.message, "hint": each.hint or "", "fix": ""}
        for each in loss.warnings
    ]
    return [*reach, *own]


def _reach(loss: Any, spec: RunSpec) -> dict[str, trainable.Remark]:
    """What a loss does not train, by the codes of the remarks."""
    found = {
        trainable.FEATURES_ONLY: trainable.remark(loss),
        trainable.HEADLESS: trainable.of_heads(loss, spec),
    }
    return {code: each for code, each in found.items() if each is not None}


def metrics(spec: RunSpec) -> dict[str, Any]:
    """The spec's metrics, by the names they are recorded under. Raises SpecError for a text that
    is none, with its place, and for one that needs what its task does not have."""
    found = {}
    for text in spec.measured:
        try:
            offered = trainable.offered(spec.task, "metric")
            metric = losses.compile_metric(
                text, num_classes=_classes(spec), probe=False, inputs=offered
            )
        except losses.LossError as error:
            shown = naming.cut(text, 40)
            raise SpecError(
                "metrics",
                f"line {error.line}, column {error.column} of '{shown}': {error.message}",
                error.hint or "",
            ) from error
        _check_inputs("metrics", metric, spec.task)
        found[metric_key(text)] = metric
    return found


def measure(metrics: Mapping[str, Any], provided: Mapping[str, Any]) -> dict[str, Any]:
    """The values of metrics on all images of an evaluation at once, out of their `provided`."""
    return {key: metric.on(tensors(metric, provided)) for key, metric in metrics.items()}


def _check_inputs(field: str, loss: Any, task: str) -> None:
    what = {"metrics": "metric"}.get(field, field)
    refused = trainable.refusal(loss.inputs, TASKS[task].inputs, what, task)
    if refused is not None:
        raise SpecError(field, refused.message, refused.hint)


def has_centers(*asking: Any) -> bool:
    """Whether one of these losses and metrics asks for the moving class centres."""
    return any("centers" in each.inputs for each in asking)


def provided(
    features: Any,
    logits: Any,
    labels: Any,
    kernel: Any,
    step: Any,
    epoch: Any,
    progress: Any,
    centers: Any = None,
    class_weights: Any = None,
) -> dict[str, Any]:
    """What the inputs of a loss are made of: features (B, D), logits (B, C), labels (B,), the last
    layer's kernel (D, C), where in the run this is, the class centres (C, D) of a run that has
    them and the weights of the classes (C,), 1 by default; in float32."""
    import tensorflow as tf

    logits = tf.cast(logits, tf.float32)
    classes = int(logits.shape[-1])
    return {
        "features": tf.cast(features, tf.float32),
        "logits": logits,
        "probabilities": tf.nn.softmax(logits),
        "labels": labels,
        "one_hot": tf.one_hot(labels, classes),
        "last_kernel": tf.convert_to_tensor(kernel),
        "centers": None if centers is None else tf.convert_to_tensor(centers),
        "class_weights": tf.ones(classes) if class_weights is None else class_weights,
        "weighed": class_weights is not None,
        "num_classes": tf.constant(float(classes)),
        "step": step,
        "epoch": epoch,
        "progress": progress,
    }


def tensors(loss: Any, provided: Mapping[str, Any]) -> dict[str, Any]:
    """The mapping that `loss.on` takes, of a loss or a metric, from what the step computed."""
    known = {**provided, "compares": "same" in loss.inputs}
    return {name: PROVIDED[name](known) for name in loss.sources}


def trained(loss: Any, provided: Mapping[str, Any]) -> Any:
    """What a step minimises: the loss of the batch, each sample counting as much as its class,
    unless the loss itself says what the weights are for."""
    given = tensors(loss, provided)
    if not provided["weighed"] or losses.weighs_itself(loss):
        return loss.on(given)
    return losses.weighed(loss, given, PROVIDED["sample_weight"](provided))


def trained_terms(loss: Any, provided: Mapping[str, Any]) -> list[Any]:
    """The terms of what a step minimises, of a written loss."""
    given = tensors(loss, provided)
    if not provided["weighed"] or losses.weighs_itself(loss):
        return list(loss.terms_on(given))
    return weighed_terms(loss, given, PROVIDED["sample_weight"](provided))


def _of_labels(weights: Any, labels: Any) -> Any:
    import keras

    return keras.ops.take(weights, labels, axis=0)


def _sum_of_classes(values: Any) -> Any:
    import keras

    return keras.ops.sum(values, axis=-1)


def _pairs() -> Any:
    from playground.training import pairs

    return pairs


def _partners(provided: Mapping[str, Any]) -> Any:
    """Places in the batch: of a loss that asks whether a pair is of one class, both kinds; of one
    that takes that for granted, only such."""
    find = _pairs().partners if provided["compares"] else _pairs().positives
    return find(provided["labels"])


def _features_at(provided: Mapping[str, Any], places: Any) -> Any:
    import keras

    return keras.ops.take(provided["features"], places, axis=0)


def _same(provided: Mapping[str, Any], places: Any) -> Any:
    import keras

    labels = provided["labels"]
    alike = keras.ops.equal(labels, keras.ops.take(labels, places, axis=0))
    return keras.ops.cast(alike, "float32")
