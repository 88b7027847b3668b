"""Whatever is typed: a loss or a LossError, soon, and nothing else happens."""

import sys
import time

import pytest
import reference

import losses

SEEDS = [e["text"] for e in reference.lines("loss_language.jsonl")]


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5000,
        "[" * 99 + "1" + "]" * 99,
        "-" * 5000 + "1",
        "not " * 2000 + "1",
        "lambda:" * 1400 + "1",
        "2" + "**2" * 2000,
        "y_pred" + "+0" * 2400,
        "y_pred" + ".T" * 4000,
        "mean(y_pred" + "[:, :]" * 1500 + ")",
        "x = 1\n" * 290 + "mean(y_pred)",
        "mean(" * 99 + "y_pred" + ")" * 99,
        "a if b else " * 700 + "c",
        "9" * 9000,
        "1e" + "9" * 3000,
        "'" + "a" * 9000 + "'",
        "y_pred" + "(0)" * 3000,
        "f(" + "a=" * 2 + "1)",
        "x" + ".y" * 4000 + " = 1",
        "# " + "x" * 9000,
        "def f(" + ",".join(f"a{i}" for i in range(1500)) + "): return 1",
        "sum([" + "y_pred," * 1200 + "])",
        "x = y_pred\n" + "x = x * x + x\n" * 200 + "mean(x)",
        "x = y_pred\n" + "x = concatenate([x, x], axis=-1)\n" * 40 + "mean(x)",
        "x = y_pred[:, None] * y_pred\n" + "x = x[:, None] * x\n" * 20 + "mean(x)",
        "mean(einsum('ab,cd,ef,gh->abcdefgh', y_pred, y_pred, y_pred, y_pred))",
        "mean(y_pred) * 10 ** 10 ** 10",
        "\ud800",
        "\u202emean(y_pred)",
        "x = y_pred\n" + "x = log(x * x + 1) + sqrt(x)\n" * 140 + "mean(x)",
        "+".join(["mean(abs(y_true - y_pred), axis=-1)"] * 180),
        "for i in range(10):\n for j in range(10):\n  for k in range(3):\n"
        "   y_true *= cosh(xlogy(flip(y_true, axis=1), y_true))\ncenter()",
        "x = 1.5\nfor a in range(60):\n for b in range(60):\n  for c in range(60):\n"
        "   x = x * 1.0\nmean(y_pred) * x",
        "def a(x):\n    return x + 1.0\ndef a0(x):\n    return a(x) + a(x)\n"
        + "".join(f"def a{i}(x):\n    return a{i - 1}(x) + a{i - 1}(x)\n" for i in range(1, 20))
        + "mean(y_pred) * a19(1.0)",
    ],
)
def test_hostile_texts_get_a_quick_answer(text):
    start = time.process_time()
    losses.check(text, numeric=False)
    assert time.process_time() - start < 1


def test_compiling_opens_nothing():
    """No file, network, process or code event while texts are read."""
    events = []
    losses.compile_loss("mean(abs(y_true - y_pred), axis=-1)")  # everything is imported now
    watching = [True]

    def hook(event: str, arguments: tuple) -> None:
        if watching and event.split(".")[0] in (
            "open", "os", "socket", "subprocess", "exec", "import", "ctypes", "shutil", "marshal",
        ):  # fmt: skip
            events.append((event, str(arguments)[:80]))

    sys.addaudithook(hook)
    try:
        for text in (*SEEDS, "mean(", "x = = 1", "mean(y_pred, ,)", "def f(:", "a b", "K.", "1 +"):
            losses.check(text, numeric=False)
    finally:
        watching.clear()
    assert not events, events[:5]


def test_a_typical_text_is_read_in_little_time():
    text = (
        "gamma = 2.0  # 0..5\npt = sum(y_true * y_pred, axis=-1)\n-(1 - pt)**gamma * log(pt + 1e-7)"
    )
    losses.check(text, numeric=False)
    times = []
    for _ in range(20):
        start = time.process_time()
        losses.check(text, numeric=False)
        times.append(time.process_time() - start)
    assert sorted(times)[10] < 0.02
