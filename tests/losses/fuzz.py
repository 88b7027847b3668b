"""Texts by a grammar and by mutation, and what must hold for each: a loss or a LossError, soon.

    python tests/losses/fuzz.py --minutes 60 [--seed 1]

prints what it found; nothing is kept. `test_fuzz.py` does the same for about a minute.
"""

import argparse
import json
import random
import re
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import reference

import losses
from losses.language import canonical
from losses.language.latex import latex
from losses.language.program import OUR_FAULT, analyse

SEEDS = [e["text"] for e in reference.lines("loss_language.jsonl")] + [
    info.text for info in losses.catalog() if info.text
]
LIMIT = 1.0  # seconds of CPU for a text

TENSORS = ("y_true", "y_pred", "logits", "p_true", "labels", "features", "centers",
           "partner_features", "last_kernel", "class_weights", "sample_weight", "same",
           "teacher_logits", "progress")  # fmt: skip
ELEMENTWISE = ("log", "exp", "sqrt", "square", "abs", "sigmoid", "tanh", "softplus", "relu", "sign",
               "round", "floor", "log1p", "expm1", "erf", "K.log", "K.square", "tf.math.log",
               "tf.exp", "np.sqrt", "stop_gradient", "K.abs", "reciprocal", "cosh")  # fmt: skip
REDUCTIONS = ("sum", "mean", "max", "min", "prod", "std", "logsumexp", "K.sum", "K.mean",
              "tf.reduce_sum", "tf.reduce_mean", "tf.reduce_max", "norm", "argmax", "any",
              "count_nonzero", "np.mean")  # fmt: skip
ALONG = ("softmax", "log_softmax", "cumsum", "sort", "argsort", "K.softmax", "cumprod", "flip")
TWO = ("maximum", "minimum", "K.maximum", "tf.minimum", "pow", "squared_difference", "xlogy",
       "matmul", "outer", "divide_no_nan", "K.dot", "equal", "arctan2")  # fmt: skip
SIGNS = (*("+", "-", "*", "/") * 6, "**", "**", "@", "//", "%", "<", ">", "==", ">=", "&", "|")
AXES = (*("-1", "1") * 5, "0", "None", "(0, 1)", "2", "-2", "a", "True")
NUMBERS = ("0", "1", "2", "0.5", "-1", "1e-7", "10", "3.0", "100", "1e30", "1e39", "7", "0.0")
MASKS = ("y_true > 0.5", "y_pred > {1}", "{0} > {1}", "labels == 1", "y_true[:, 0] > 0", "{0} != 0",
         "logical_not(y_true > 0)", "reduce_any(y_true > 0, axis=-1)", "(y_true > 0) & ({0} > 0)",
         "same > 0.5", "tf.equal(argmax(y_true, axis=-1), labels)")  # fmt: skip
LOOPS = ("i in range(3)", "i in range(num_classes)", "i, w in enumerate([0.5, 2.0])", "i in {0}",
         "i in [1, 2.0, y_pred]", "i, j in zip([1, 2], [3, 4])", "i in range(2) for j in range(i)",
         "i in range(100)", "i in range(shape(y_pred)[0])")  # fmt: skip
WHOLE = ("mean(abs({}))", "sum({}, axis=-1)", "-mean({}, axis=-1)", "{}", "K.mean({})", "{}")


class Writer:
    """Writes texts of the language, most of them with a mistake in it."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.names = ["y_true", "y_pred"]

    def text(self) -> str:
        lines = [self.statement(0) for _ in range(self.rng.choice((0, 0, 1, 2, 4, 8)))]
        body = self.rng.choice(WHOLE).format(self.expression(self.rng.randint(1, 4)))
        if self.rng.random() < 0.15:
            return self.of_class(lines, body)
        if self.rng.random() < 0.2:
            inner = "".join(f"    {line}\n" for block in lines for line in block.split("\n"))
            return f"def loss(y_true, y_pred, g=2.0):\n{inner}    return {body}"
        return "\n".join([*lines, body])

    def of_class(self, lines: list[str], body: str) -> str:
        """The same as the method of a class, some of its names attributes."""
        rng = self.rng
        names = ["self.k", "self.half", "self.part(y_true)", "self.ce(y_true, y_pred)", "self.none"]
        for name in ("a", "x", "alpha"):
            if rng.random() < 0.5:
                body = re.sub(rf"\b{name}\b", rng.choice(names), body)
        inner = "".join(f"        {line}\n" for block in lines for line in block.split("\n"))
        base = rng.choice(("keras.losses.Loss", "Loss", "object", "keras.metrics.Metric", "Huber"))
        main = rng.choice(("call", "call", "__call__", "loss", "forward", "result"))
        text = (
            f"class L({base}):\n    half = {rng.choice(NUMBERS)}\n"
            f"    def __init__(self, k={rng.choice(NUMBERS)}, **kwargs):\n"
            "        super().__init__(**kwargs)\n        self.k = k\n"
            "        self.ce = keras.losses.CategoricalCrossentropy()\n"
            f"    def part(self, a):\n        return {self.expression(1)} * self.k\n"
            f"    def {main}(self, y_true, y_pred):\n{inner}        return {body}\n"
        )
        ends = ("", "", "L(2.0)", "L(k=3.0)", "loss = L()", "L()(y_true, y_pred)", "L().loss",
                "model.compile(loss=L(k=0.5))\nmodel.fit(x, y)", "L")  # fmt: skip
        return text + rng.choice(ends)

    def statement(self, depth: int) -> str:
        rng = self.rng
        name = rng.choice(("a", "b", "c", "x", "t", "alpha", "y_true", "d1"))
        kind = rng.random()
        if kind < 0.15 and depth < 3:
            number = rng.choice(NUMBERS)
            heads = ("for _ in range(3):", f"for i in range({number}):", f"if {number} > 1:",
                     f"for w in [{name}, 2.0]:", "for i, w in enumerate([0.5, 2.0]):",
                     f"for a, b in zip([1.0, 2.0], [{name}, y_pred]):", "if mean(y_pred) > 0.1:",
                     "if k is None:", "with tf.name_scope('s'):")  # fmt: skip
            head = rng.choice(heads)
            return head + "\n    " + self.statement(depth + 1).replace("\n", "\n    ")
        if kind < 0.25:
            value = f"{rng.choice(NUMBERS)}  # {rng.choice(NUMBERS)}..{rng.choice(NUMBERS)}"
        elif kind < 0.35:
            inner = self.expression(2)
            self.names.append(name)
            return f"def {name}(x, k=2.0):\n    return {inner}"
        elif kind < 0.42:
            value = self.listed(1)
        else:
            value = self.expression(rng.randint(1, 3))
        self.names.append(name)
        sign = rng.choice(("=", "=", "=", "+=", "*="))
        return f"{name} {sign} {value}"

    def listed(self, depth: int) -> str:
        """A list, a lambda, a loop in an expression, or entries that a condition chooses."""
        rng = self.rng
        x, y = self.expression(depth), self.expression(depth)
        loop = rng.choice(LOOPS).format(x)
        forms = (
            f"[{x} for {loop}]",
            f"sum({y} * i for {loop})",
            f"add_n([{x} * i for {loop} if i {rng.choice('<>')} 1])",
            f"stack([{x} for {loop}], axis={rng.choice(AXES)})",
            f"lambda a: {x}",
            f"lambda y, p, q=0.5: maximum(q * ({x}), {y})",
            f"lambda q: (lambda y, p: q * ({x}))",
            f"(lambda a, b: a * b)({x}, {y})",
            f"[]\nx.append({x})",
            f"tf.{rng.choice(('map_fn', 'vectorized_map'))}(lambda t: {x}, {y})",
            f"tf.map_fn(lambda t: t[0] - t[1] * {x}, (y_true, y_pred), dtype=tf.float32)",
            f"tf.cond({x} > {y}, lambda: {x}, lambda: {y})",
        )
        return rng.choice(forms)

    def chosen(self, x: str, y: str) -> str:
        """Entries that a condition chooses."""
        mask = self.rng.choice(MASKS).format(x, y)
        what = self.rng.choice((x, "y_pred", "y_true * y_pred"))
        forms = (
            f"tf.boolean_mask({what}, {mask})",
            f"({what})[{mask}]",
            f"tf.gather_nd({what}, tf.where({mask}))",
            f"tf.gather({what}, tf.where({mask})[:, 0])",
            f"mean(tf.boolean_mask({what}, {mask}))",
            f"K.sum(({what})[{mask}], axis={self.rng.choice(AXES)})",
            f"tf.size(tf.boolean_mask({what}, {mask}))",
        )
        return self.rng.choice(forms)

    def expression(self, depth: int) -> str:
        rng = self.rng
        if depth <= 0:
            usual = rng.random() < 0.8
            return rng.choice(self.names if usual else (*TENSORS, *NUMBERS, "[1.0, 2.0]"))
        inner = [self.expression(depth - rng.randint(1, 2)) for _ in range(3)]
        x, y, z = inner
        keep = rng.choice(("", "", ", keepdims=True"))
        forms = (
            f"({x} {rng.choice(SIGNS)} {y})",
            f"{x} {rng.choice(SIGNS)} {y}",
            f"{rng.choice(ELEMENTWISE)}({x})",
            f"{rng.choice(REDUCTIONS)}({x}, axis={rng.choice(AXES)}{keep})",
            f"{rng.choice(ALONG)}({x}, axis={rng.choice(AXES)})",
            f"{rng.choice(TWO)}({x}, {y})",
            f"where({x} > {y}, {z}, {x})",
            f"clip({x}, {rng.choice(NUMBERS)}, {rng.choice(NUMBERS)})",
            f"-({x})",
            f"{rng.choice(('x', 'a', 'y_pred', 'y_true', '(' + x + ')'))}"
            f"[{rng.choice((':, None', '0', ':, 0', '..., -1', '1:', ':3', 'labels', '-1', y))}]",
            f"({x}).{rng.choice(('T', 'sum(axis=-1)', 'mean()', 'shape[0]', 'reshape(-1)'))}",
            f"one_hot({x}, {rng.choice(('10', 'num_classes', '3'))})",
            f"reshape({x}, ({rng.choice(NUMBERS)}, -1))",
            f"{rng.choice(('concatenate', 'stack'))}([{x}, {y}], axis={rng.choice(AXES)})",
            f"{rng.choice(('zeros', 'ones'))}(({rng.choice(NUMBERS)}, {rng.choice(NUMBERS)}))",
            f"{rng.choice(('zeros_like', 'ones_like', 'tf.shape', 'transpose'))}({x})",
            f"einsum('{rng.choice(('bi,bi->b', 'bi,ci->bc', 'ab,cd->abcd', 'bi->'))}', {x}, {y})",
            f"cast({x}, '{rng.choice(('float32', 'int32', 'bool'))}')",
            f"{rng.choice(('cross_entropy()', 'focal(gamma=3.0)', 'brier()', 'center()'))}",
            f"keras.losses.{rng.choice(('huber', 'mse', 'kl_divergence'))}({x}, {y})",
            f"{rng.choice(('a', 'd1', 'x', 'min', 'arange', 'eye', 'top_k'))}({x})",
            f"({x} if {y} else {z})",
            f"take_along_axis({x}, {y}, axis={rng.choice(AXES)})",
            self.chosen(x, y),
            self.listed(depth - 2),
        )
        return rng.choice(forms if rng.random() < 0.4 else forms[:6])


_PIECES = re.compile(r"\w+|\s+|[^\w\s]")
CLASS = """\
class F(keras.losses.Loss):
    scale = 2.0
    def __init__(self, gamma=2.0, name="f", **kwargs):
        super().__init__(name=name, **kwargs)
        self.gamma = gamma
        self.ce = keras.losses.CategoricalCrossentropy(reduction=keras.losses.Reduction.NONE)
    @staticmethod
    def part(p):
        return 1 - p
    @property
    def twice(self):
        return 2 * self.gamma
    def call(self, y_true, y_pred):
        return self.scale * self.twice * self.part(y_pred[:, 0]) * self.ce(y_true, y_pred)
    def get_config(self):
        return {**super().get_config(), "gamma": self.gamma}
model.compile(loss=F(gamma=1.0), optimizer="adam")
model.fit(x, y)
"""
METRIC = """\
import os
class M(keras.metrics.Metric):
    def __init__(self):
        super().__init__()
        self.n = self.add_weight(name="n", initializer="zeros")
    def update_state(self, y_true, y_pred):
        with tf.name_scope("a"):
            assert len(y_true.shape) == 2
        self.n.assign_add(K.sum(y_true * y_pred))
    def result(self):
        return self.n / 32
M()
"""
LAMBDAS = """\
quantiles = [0.1, 0.5, 0.9]
losses = [lambda y, p, q=q: K.mean(K.maximum(q * (y - p), (q - 1) * (y - p)), axis=-1)
          for q in quantiles]
def total(y_true, y_pred):
    parts = []
    for i, f in enumerate(losses):
        if i > 0:
            parts.append(f(y_true, y_pred) / i)
    return tf.add_n(parts) + tf.cond(tf.reduce_mean(y_pred) > 0.5, lambda: 1.0, lambda: 0.0)
"""
MASKED = """\
def masked(y_true, y_pred):
    mask = tf.not_equal(y_true, 0)
    there = tf.reduce_any(mask, axis=-1)
    close = tf.boolean_mask(y_pred, mask) - y_true[mask]
    rows = tf.gather_nd(y_pred, tf.where(there))
    n = tf.cast(tf.size(close), tf.float32)
    return tf.reduce_sum(tf.square(close)) / (n + 1e-7) + K.mean(K.log(rows + 1e-3))
"""
MAPPED = """\
def each(y_true, y_pred):
    part = tf.map_fn(lambda t: tf.reduce_sum(t[0] * t[1]), (y_true, y_pred), dtype=tf.float32)
    return sum([k * tf.square(part) for k in range(1, 3)]) + tf.vectorized_map(K.sum, y_pred)
"""
SEEDS += [CLASS, METRIC, LAMBDAS, MASKED, MAPPED] * 8
SEEDS += [
    json.loads(line)["text"]
    for line in Path(__file__).with_name("forum_pastes.jsonl").read_text("utf-8").splitlines()
] * 2
EXTRA = ("self.", "self", "class A:\n    ", "super()", "@property\n", "**k", "_", "import torch\n",
         "model.compile(loss=", "print(", "lambda a: ", "lambda: ", "[mask]",
         "[i for i in range(3)]", "tf.boolean_mask(", "tf.where(",
         "[y_true > 0]", "zip(", "enumerate(", ".append(", " in ",
         "tf.map_fn(", " is None", " and ", "return ", "with ", "assert ", "raise ",
         "(", ")", "[", "]", ",", ".", ":", "=", "-", "*", "**", "/", "@", "\n", "\n    ", " ", "'",
         "#", "\\", "if ", "for ", "lambda", "None", "True", "__class__", "1e9", "-1", "0", "{",
         "𝛼", "é", "\t", ";", "axis=0", "y_pred", "exec", "\x00", "\ud800", "\u202e")  # fmt: skip


def mutated(rng: random.Random) -> str:
    """A known text with pieces dropped, doubled, exchanged or taken from another one."""
    pieces = _PIECES.findall(rng.choice(SEEDS)[:4000]) or [""]
    for _ in range(rng.randint(1, 5)):
        place = rng.randrange(len(pieces))
        other = _PIECES.findall(rng.choice(SEEDS)[:600]) or [""]
        kind = rng.randrange(6)
        if kind == 0 and len(pieces) > 1:
            del pieces[place : place + rng.randint(1, 4)]
        elif kind == 1:
            pieces[place:place] = pieces[place : place + rng.randint(1, 12)]
        elif kind == 2:
            pieces[place] = rng.choice(other)
        elif kind == 3:
            pieces.insert(place, rng.choice(EXTRA))
        elif kind == 4:
            start = rng.randrange(len(other))
            pieces[place:place] = other[start : start + rng.randint(1, 15)]
        else:
            spot = rng.randrange(len(pieces))
            pieces[place], pieces[spot] = pieces[spot], pieces[place]
        pieces = pieces or [""]
    return "".join(pieces)


def any_text(rng: random.Random) -> str:
    return Writer(rng).text() if rng.random() < 0.6 else mutated(rng)


class Watch:
    """Notes each file, process, network or code event while it is on."""

    kinds = ("open", "os", "socket", "subprocess", "exec", "import", "ctypes", "shutil", "marshal")

    def __init__(self) -> None:
        self.on = False
        self.seen: list[str] = []
        sys.addaudithook(self.hook)

    def hook(self, event: str, arguments: tuple) -> None:
        if self.on and event.split(".")[0] in self.kinds:
            self.seen.append(f"{event} {str(arguments)[:100]}")


def examine(text: str, watch: Watch | None = None, numeric: bool = False) -> str:
    """Hold one text against everything that must hold; 'loss', or 'error'. Raises where not."""
    if watch is not None:
        watch.on = True
    start = time.process_time()
    try:
        program = analyse(text)
        formula, words = latex(program), canonical.text(program)
    except losses.LossError as error:
        assert error.message and error.message != OUR_FAULT, (text, error.__cause__)
        assert 1 <= error.line <= len(re.split("\r\n|\r|\n", text)), text
        assert error.column >= 1
        return "error"
    finally:
        spent = time.process_time() - start
        if watch is not None:
            watch.on = False
            assert not watch.seen, (text, watch.seen[:3])
        assert spent < LIMIT, (f"{spent:.2f} s", text)
    assert formula and words
    if len(words) < 9_000:
        assert canonical.text(analyse(words)) == words, text
    if numeric:
        start = time.process_time()
        report = losses.check(text)
        assert report["ok"], (text, report["error"])
        assert time.process_time() - start < 4 * LIMIT, text
    return "loss"


def main() -> None:
    """Fuzz for some minutes and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng, counts, failures = random.Random(options.seed), Counter(), 0
    losses.check("mean(abs(y_true - y_pred))")
    watch, end = Watch(), time.monotonic() + 60 * options.minutes
    while time.monotonic() < end:
        text = any_text(rng)
        try:
            counts[examine(text, watch, numeric=counts["loss"] % 10 == 0)] += 1
        except Exception as error:  # report it and go on
            failures += 1
            watch.seen.clear()
            print(f"--- {type(error).__name__}: {str(error)[:300]}\n{text!r}"[:1500], flush=True)
    print(f"{sum(counts.values()) + failures} texts: {dict(counts)}, {failures} failures")


if __name__ == "__main__":
    main()
