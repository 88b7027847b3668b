"""Keras' optimisers by the names of a spec, and the learning rate of every step."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from playground.spec import RunSpec

if TYPE_CHECKING:
    import keras

    from playground.training.work import Phase

WARM_UP = 0.05  # the share of the run that the learning rate rises, where the schedule warms up


def build(spec: RunSpec) -> "keras.optimizers.Optimizer":
    """The spec's optimiser; its learning rate is set before every step (`rates`)."""
    from keras import optimizers

    rate = spec.learning_rate
    makers = {
        "adam": lambda: optimizers.Adam(rate),
        "adamw": lambda: optimizers.AdamW(rate),
        "nadam": lambda: optimizers.Nadam(rate),
        "sgd": lambda: optimizers.SGD(rate),
        "momentum": lambda: optimizers.SGD(rate, momentum=0.9),
        "rmsprop": lambda: optimizers.RMSprop(rate),
        "adagrad": lambda: optimizers.Adagrad(rate),
        "lion": lambda: optimizers.Lion(rate),
    }
    return makers[spec.optimizer]()


def variables(optimizer: "keras.optimizers.Optimizer") -> list[Any]:
    """All that a built optimiser has gathered. Nadam's product of momenta is not among what Keras
    calls its variables."""
    product = getattr(optimizer, "_u_product", None)
    return [*optimizer.variables, *([] if product is None else [product])]


def rates(spec: RunSpec, steps: int) -> np.ndarray:
    """The learning rate of each of a run's steps, float32 (steps,)."""
    done = np.arange(steps) / steps
    if spec.schedule == "cosine":
        factor = 0.5 * (1 + np.cos(np.pi * done))
    elif spec.schedule == "warmup_cosine":
        rise = max(1, round(WARM_UP * steps))
        up = (np.arange(steps) + 1) / rise
        down = 0.5 * (1 + np.cos(np.pi * (np.arange(steps) - rise) / max(1, steps - rise)))
        factor = np.where(np.arange(steps) < rise, up, down)
    elif spec.schedule == "exponential":
        factor = 0.01**done
    elif spec.schedule == "steps":
        factor = np.where(done < 0.5, 1.0, np.where(done < 0.75, 0.1, 0.01))
    else:
        factor = np.ones(steps)
    return (spec.learning_rate * factor).astype(np.float32)


def rates_of_phases(spec: RunSpec, phases: Sequence["Phase"], epoch: int) -> np.ndarray:
    """`rates` of a run of these phases, an `epoch` of so many steps: each times its phase' own, the
    schedule beginning anew where a phase says so."""
    parts: list[list[Phase]] = []
    for phase in phases:
        if phase.anew or not parts:
            parts.append([])
        parts[-1].append(phase)
    found = []
    for part in parts:
        steps = [epoch * phase.epochs for phase in part]
        factors = np.repeat([phase.rate for phase in part], steps).astype(np.float32)
        found.append(rates(spec, sum(steps)) * factors)
    return np.concatenate(found)


def apply(
    optimizer: "keras.optimizers.Optimizer",
    gradients: Sequence[Any],
    variables: Sequence[Any],
    rate: Any,
) -> None:
    """One step of a built optimiser at a learning rate, inside a graph.

    Adam, which nearly every run uses, goes through TensorFlow's fused kernel: the same formula
    (Kingma & Ba 2015, end of section 2) on the same variables of Keras' optimiser in one pass over
    memory instead of several.
    """
    import tensorflow as tf
    from keras import optimizers

    optimizer.learning_rate.assign(rate)
    if type(optimizer) is not optimizers.Adam:
        optimizer.apply(gradients, variables)
        return
    step = tf.cast(optimizer.iterations.assign_add(1), tf.float32)
    for index, (gradient, variable) in enumerate(zip(gradients, variables, strict=True)):
        tf.raw_ops.ResourceApplyAdam(
            var=variable.value.handle,
            m=optimizer._momentums[index].value.handle,  # noqa: SLF001  # Keras shows them nowhere
            v=optimizer._velocities[index].value.handle,  # noqa: SLF001
            beta1_power=tf.pow(optimizer.beta_1, step),
            beta2_power=tf.pow(optimizer.beta_2, step),
            lr=rate,
            beta1=optimizer.beta_1,
            beta2=optimizer.beta_2,
            epsilon=optimizer.epsilon,
            grad=gradient,
        )
