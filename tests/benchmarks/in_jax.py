"""A spec's CNN in JAX alone: convolutions in NHWC, batch norm, Adam, one jitted step."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from playground import RunSpec, models

EPSILON, KEPT = 1e-3, 0.9  # of batch norm, as in Keras


def stepper(
    spec: RunSpec, split: Any, known: Any, classes: int, bfloat16: bool
) -> Callable[[int], None]:
    """What trains so many steps and reads loss and accuracy of each."""
    plan = [layer for layer in models.plan(spec) if layer.kind not in ("Normalization", "Softmax")]
    kind = jnp.bfloat16 if bfloat16 else jnp.float32
    weights, moving = _start(plan, split.train_images.shape[1:], spec.seed)
    images, labels = jnp.asarray(split.train_images), jnp.asarray(split.train_labels, jnp.int32)
    mean, spread = jnp.asarray(known.mean), jnp.sqrt(jnp.asarray(known.variance))

    def objective(weights: Any, moving: Any, pixels: Any, told: Any, key: Any) -> Any:
        logits, moving = _forward(plan, weights, moving, pixels.astype(kind), key, spec.dropout)
        logits = logits.astype(jnp.float32)
        loss = -jnp.mean(jax.nn.log_softmax(logits)[jnp.arange(len(told)), told])
        return loss, (moving, jnp.mean(logits.argmax(1) == told))

    @partial(jax.jit, donate_argnums=(0, 1, 2))
    def step(weights: Any, moving: Any, moments: Any, count: Any, batch: Any, key: Any) -> Any:
        pixels = (images[batch].astype(jnp.float32) - mean) / spread
        (loss, (moving, right)), gradient = jax.value_and_grad(objective, has_aux=True)(
            weights, moving, pixels, labels[batch], key
        )
        first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, moments[0], gradient)
        second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, moments[1], gradient)
        rate = spec.learning_rate * jnp.sqrt(1 - 0.999**count) / (1 - 0.9**count)
        weights = jax.tree.map(
            lambda w, m, v: w - rate * m / (jnp.sqrt(v) + 1e-7), weights, first, second
        )
        return weights, moving, (first, second), loss, right

    zeros = partial(jax.tree.map, jnp.zeros_like)
    state = [weights, moving, (zeros(weights), zeros(weights)), 0]
    draw = np.random.default_rng(spec.seed)

    def advance(steps: int) -> None:
        for _ in range(steps):
            batch = jnp.asarray(draw.integers(0, len(images), spec.batch_size))
            state[3] += 1
            key = jax.random.key(state[3])
            *state[:3], loss, right = step(*state[:3], jnp.float32(state[3]), batch, key)
            float(loss), float(right)

    return advance


def _start(plan: list[Any], shape: tuple[int, ...], seed: int) -> tuple[Any, Any]:
    draw = np.random.default_rng(seed)
    weights: dict[str, Any] = {}
    moving: dict[str, Any] = {}
    for layer in plan:
        into, wide = shape[-1], layer.shape[-1]
        if layer.kind in ("Conv2D", "Dense"):
            size = (3, 3, into, wide) if layer.kind == "Conv2D" else (into, wide)
            limit = np.sqrt(6 / (np.prod(size[:-1]) + np.prod(size[:-2]) * wide))
            kernel = jnp.asarray(draw.uniform(-limit, limit, size), jnp.float32)
            weights[layer.name] = (kernel, jnp.zeros(wide))
        elif layer.kind == "BatchNormalization":
            weights[layer.name] = (jnp.ones(wide), jnp.zeros(wide))
            moving[layer.name] = (jnp.zeros(wide), jnp.ones(wide))
        shape = layer.shape
    return weights, moving


def _forward(
    plan: list[Any], weights: Any, moving: Any, x: Any, key: Any, dropout: float
) -> tuple[Any, Any]:
    kept = {}
    for layer in plan:
        if layer.kind == "Conv2D":
            kernel, bias = (each.astype(x.dtype) for each in weights[layer.name])
            x = jax.lax.conv_general_dilated(
                x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
            )
            x = x + bias
        elif layer.kind == "BatchNormalization":
            wide = x.astype(jnp.float32)
            mean, variance = wide.mean((0, 1, 2)), wide.var((0, 1, 2))
            scale, offset = weights[layer.name]
            x = ((wide - mean) * jax.lax.rsqrt(variance + EPSILON) * scale + offset).astype(x.dtype)
            kept[layer.name] = tuple(
                KEPT * old + (1 - KEPT) * new
                for old, new in zip(moving[layer.name], (mean, variance), strict=True)
            )
        elif layer.kind == "Activation":
            x = jax.nn.relu(x)
        elif layer.kind == "MaxPooling2D":
            low = np.array(-np.inf, x.dtype)  # a constant: of a traced one there is no gradient
            x = jax.lax.reduce_window(x, low, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "SAME")
        elif layer.kind == "Flatten":
            x = x.reshape(len(x), -1)
        elif layer.kind == "Dropout":
            mask = jax.random.bernoulli(key, 1 - dropout, x.shape)
            x = jnp.where(mask, x / (1 - dropout), 0).astype(x.dtype)
        elif layer.kind == "Dense":
            kernel, bias = (each.astype(x.dtype) for each in weights[layer.name])
            x = x @ kernel + bias
            x = jax.nn.relu(x) if layer.name == "features" else x
        else:
            raise ValueError(f"no {layer.kind} here")
    return x, kept
