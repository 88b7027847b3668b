"""Losses and metrics after public posts (`public_posts.py`): taken, with the value that the same
code has in TensorFlow and Keras; or told what is wrong."""

import ast

import keras
import numpy as np
import pytest
import reference
import tensorflow as tf
from public_posts import POSTS

import losses

B = reference.batch()
METRICS = ("f1-of-keras-metrics", "f1-assigned", "confusion")
TAKEN = [name for name, (_, _, said) in POSTS.items() if not said]


def in_keras(text: str) -> float:
    """What the code gives on the reference batch: of its last function, or its last line."""
    body = [n for n in ast.parse(text).body if not _imports_a_backend(n)]
    space = {"tf": tf, "keras": keras, "K": tf.keras.backend, "np": np}
    last = body[-1]
    if isinstance(last, ast.FunctionDef):
        body.append(ast.Expr(ast.Name(last.name, ast.Load())))
    call = body[-1].value
    if isinstance(call, ast.Call) and ast.unparse(call.func) == "model.compile":
        call = next(k.value for k in call.keywords if k.arg == "loss")
        body = [n for n in body[:-1] if not isinstance(n, (ast.Assign, ast.ImportFrom))]
    else:
        body = body[:-1]
    for node in ast.walk(ast.Module(body, [])):
        if isinstance(node, ast.FunctionDef):
            node.body = [n for n in node.body if not _imports_a_backend(n)]
    module = ast.fix_missing_locations(ast.Module(body, []))
    exec(compile(module, "post", "exec"), space)
    expression = ast.fix_missing_locations(ast.Expression(call))
    loss = eval(compile(expression, "post", "eval"), space)
    y, p = tf.constant(B["y_true"]), tf.constant(B["y_pred"])
    return float(tf.reduce_mean(tf.cast(loss(y, p), "float32")))


def _imports_a_backend(node: ast.AST) -> bool:
    """Keras 3 has its old backend in tf.keras only."""
    names = [a.name for a in node.names] if isinstance(node, (ast.Import, ast.ImportFrom)) else []
    return "backend" in names


@pytest.mark.parametrize("name", TAKEN)
def test_a_post_has_the_value_that_it_has_in_keras(name: str) -> None:
    text = POSTS[name][1]
    if name in METRICS:
        value = float(losses.compile_metric(text).on(B))
    else:
        value = float(losses.compile_loss(text).on(B))
    assert value == pytest.approx(in_keras(text), rel=2e-5)


@pytest.mark.parametrize("name", [name for name in POSTS if name not in TAKEN])
def test_what_is_wrong_with_a_post_is_told(name: str) -> None:
    _, text, said = POSTS[name]
    try:
        told = " ".join(w.message for w in losses.compile_loss(text).warnings)
    except losses.LossError as error:
        told = str(error)
    assert said in told
