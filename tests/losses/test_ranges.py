"""The bounds of a graph hold for what it computes, whatever the batch."""

import numpy as np
import pytest
import reference

import losses
from losses.language import emit
from losses.language.program import analyse
from losses.language.ranges import ranges


def bounds(text: str) -> tuple[float, float]:
    program = analyse(text)
    return ranges(program.order, program.parameters)[id(program.result)]


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("p_true + 1", 1 + 1e-7, 2 - 1e-7),
        ("square(p_true - 0.5)", 0, (0.5 - 1e-7) ** 2),
        ("-exp(-p_true)", -np.exp(-1e-7), -np.exp(-1 + 1e-7)),
        ("sum(y_true * y_pred, axis=-1)", 0, 10 * (1 - 1e-7)),
        ("mean(abs(y_true - y_pred), axis=-1)", 0, 1 - 1e-7),
        ("maximum(logits[:, 0], 0.5)", 0.5, np.inf),
        ("clip(logits[:, 0], -1, 2)", -1, 2),
        ("logits[:, 0] / p_true", -np.inf, np.inf),
        ("g = 2.0  # 1..3\ng * p_true", 1e-7, 3 * (1 - 1e-7)),
        ("1 / (1 + p_true)", 1 / (2 - 1e-7), 1 / (1 + 1e-7)),
        ("sqrt(square(logits[:, 0]) + 1)", 1, np.inf),
    ],
)
def test_bounds_by_hand(text, low, high):
    assert bounds(text) == pytest.approx((low, high))


TEXTS = [e["text"] for e in reference.lines("loss_language.jsonl") if e["expect"] == "accept"]
TEXTS += [info.text for info in losses.catalog() if info.text]


@pytest.mark.parametrize("text", TEXTS)
def test_every_value_lies_within(text):
    loss = losses.compile_loss(text, probe=False)
    known = ranges(loss.program.order, loss.parameters)
    given = loss.gather({**reference.batch(), "num_classes": 10})
    values = emit.run(loss.program.order, given, loss.parameter_values())
    for node in loss.program.order:
        low, high = known[id(node)]
        value = np.asarray(values[id(node)]).astype("float64")
        slack = 1e-5 * max(1.0, np.abs(value[np.isfinite(value)]).max(initial=0))
        assert np.all(value >= low - slack) and np.all(value <= high + slack), node.op
