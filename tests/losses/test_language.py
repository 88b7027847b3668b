"""The loss language: what is read, what is refused and where, against NumPy as the oracle."""

import ast
from pathlib import Path

import keras
import numpy as np
import pytest
import reference
import tensorflow as tf

import losses
from losses.language import emit, operators, spelled, vocabulary
from losses.language.canonical import text as canonical
from losses.language.grammar import FIELDS
from losses.language.program import analyse

B = reference.batch()
Y, P = B["y_true"].astype("float64"), B["y_pred"].astype("float64")
PT = (Y * P).sum(-1)
CE = -np.log(PT)


def value(text: str, **parameters) -> float:
    return float(losses.compile_loss(text, probe=False, **parameters).on(B))


def refused(text: str, **parameters) -> losses.LossError:
    with pytest.raises(losses.LossError) as caught:
        losses.compile_loss(text, **parameters)
    return caught.value


def codes(text: str) -> set[str]:
    return {w.code for w in losses.compile_loss(text).warnings}


SAME = [
    ("-sum(y_true * log(y_pred), axis=-1)", CE),
    ("-K.sum(y_true * K.log(y_pred), axis=1)", CE),
    ("-tf.reduce_sum(y_true * tf.math.log(y_pred), -1)", CE),
    ("-tf.reduce_sum(y_true * tf.math.log(y_pred), reduction_indices=[1])", CE),
    ("-(y_true * log(y_pred)).sum(axis=-1)", CE),
    ("-np.einsum('bi,bi->b', y_true, np.log(y_pred))", CE),
    ("-log(p_true)", CE),
    ("cross_entropy()", CE),
    ("keras.losses.CategoricalCrossentropy()(y_true, y_pred)", CE),
    ("tf.nn.softmax_cross_entropy_with_logits(labels=y_true, logits=logits)", CE),
    ("keras.losses.categorical_crossentropy(y_true, logits, from_logits=True)", CE),
    ("keras.losses.sparse_categorical_crossentropy(labels, y_pred)", CE),
    ("tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)", CE),
    ("-sum(one_hot(labels, num_classes) * log_softmax(logits), axis=-1)", CE),
    ("-sum(tf.one_hot(argmax(y_true, axis=-1), 10) * log(y_pred), axis=-1)", CE),
    ("-sum(where(y_true > 0.5, log(y_pred), 0.0), axis=-1)", CE),
    ("-max(where(y_true > 0.5, log(y_pred), -100.0), axis=-1)", CE),
    ("-squeeze(take_along_axis(log(y_pred), labels[:, None], axis=-1), axis=-1)", CE),
    (
        "rows = tf.range(tf.shape(y_pred)[0])\n"
        "own = tf.stack([rows, tf.cast(labels, tf.int32)], axis=1)\n"
        "-tf.math.log(tf.gather_nd(y_pred, own))",
        CE,
    ),
    (
        "places = tf.concat([0 * tf.argmax(y_true, -1)[:, None], labels[:, None]], axis=-1)\n"
        "tf.gather_nd(y_pred, places) * 0 - log(p_true)",
        CE,
    ),
    ("-sum((y_true @ eye(10)) * log(y_pred), axis=-1)", CE),
    ("B = shape(y_pred)[0]\n-sum(y_true * log(y_pred)) / B", CE),
    ("n = tf.cast(tf.shape(y_pred)[0], tf.float32)\n-sum(y_true * log(y_pred)) / n", CE),
    ("a, b = 2.0, 3.0\n(b - a) * -log(sum(y_true * y_pred, axis=-1))", CE),
    ("loss = 0.0\nloss += cross_entropy()\nloss", CE),
    ("mean(abs(reshape(y_true - y_pred, (-1, 2, 5))), axis=(1, 2))", np.abs(Y - P).mean(-1)),
    ("mean(abs(y_true[:, 2:5] - y_pred[:, 2:5]), axis=-1)", np.abs(Y - P)[:, 2:5].mean(-1)),
    ("abs(y_true - y_pred)[..., -1]", np.abs(Y - P)[:, -1]),
    ("sum(top_k(y_pred, k=3)[0], axis=-1) - 2 * p_true", np.sort(P)[:, -3:].sum(-1) - 2 * PT),
    ("a, b = split(y_pred, 2, axis=-1)\nsum(a - b, axis=-1) * p_true",
     (P[:, :5].sum(-1) - P[:, 5:].sum(-1)) * PT),
    ("std(y_pred, axis=-1) - p_true", P.std(-1) - PT),
    ("logsumexp(logits, axis=-1) - sum(y_true * logits, axis=-1)", CE),
    ("tf.reduce_sum(stack([y_true, y_pred], axis=0), axis=0)[:, 3] * p_true", (Y + P)[:, 3] * PT),
    ("sum(concatenate([y_true, y_pred], axis=-1), axis=-1) * p_true", 2 * PT),
    ("mean(norm(features - centers[labels], axis=-1))",
     np.linalg.norm(B["features"] - B["centers"][B["labels"]], axis=-1)),
    ("mean(-(y_true if 1 > 0 else y_pred) * log(y_pred), axis=-1)", CE / 10),
    ("-K.mean(y_true * K.log(y_pred), axis=-1, keepdims=True)", CE / 10),
    ("relu(0.5 - p_true) + softplus(-p_true)", np.maximum(.5 - PT, 0) + np.log1p(np.exp(-PT))),
    ("sum(tf.nn.l2_normalize(y_pred, axis=-1) * y_true, axis=-1)",
     PT / np.linalg.norm(P, axis=-1)),
    ("tf.reduce_sum(tf.tile(y_pred, [1, 2]), axis=-1) * p_true", 2 * PT),
    ("(1 - p_true) ** 2 // 0.1 + p_true * (5 % 3)", (1 - PT) ** 2 // .1 + PT * 2),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), SAME)
def test_value(text, expected):
    assert value(text) == pytest.approx(np.mean(expected), rel=2e-5, abs=1e-6)


@pytest.mark.parametrize("text", [t for t, _ in SAME])
def test_canonical_text_is_stable_and_the_same_loss(text):
    loss = losses.compile_loss(text, probe=False)
    again = losses.compile_loss(loss.canonical, probe=False)
    assert again.canonical == loss.canonical
    assert again.digest == loss.digest
    np.testing.assert_allclose(again.on(B), loss.on(B), rtol=1e-6)
    assert loss.latex


@pytest.mark.parametrize("text", [t for t, _ in SAME])
def test_it_runs_in_a_graph_of_any_batch_size(text):
    loss = losses.compile_loss(text, probe=False)
    names = [n for n in loss.inputs if n != "num_classes"]
    tensors = {**B, "p_true": PT.astype("float32")}
    spec = {n: tf.TensorSpec([None, *tensors[n].shape[1:]], tensors[n].dtype) for n in names}
    spec.setdefault("y_pred", tf.TensorSpec([None, 10], "float32"))
    step = tf.function(loss.on, input_signature=[spec])
    assert float(step({n: tensors[n] for n in spec})) == pytest.approx(float(loss.on(B)), rel=1e-5)


CE_ROUNDS = """total = 0.0
for c in range(10):
    total = total - y_true[:, c] * log(y_pred[:, c])
total"""
CHOSEN = """def loss(y_true, y_pred, from_logits=False, smooth=True):
    if from_logits:
        y_pred = softmax(y_pred)
    elif smooth:
        if y_pred.shape[-1] == 10:
            return -sum(y_true * log(y_pred), axis=-1)
    return mean(y_pred)"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (CE_ROUNDS, CE),
        (CHOSEN, CE),
        ("t = 0.0\nfor w in [0.25, 0.75]:\n    t += w * cross_entropy()\nt", CE),
        ("x = p_true\nfor _ in range(3):\n    x = x * p_true\nx", PT**4),
        ("k = 2\nif k > 1:\n    x = PT\nelse:\n    x = p_true\nx".replace("PT", "1 - p_true"),
         1 - PT),
        ("for i in range(2, 5):\n    if i == 3:\n        return i * p_true\np_true", 3 * PT),
    ],
)  # fmt: skip
def test_a_loop_is_written_out_and_a_known_condition_decided(text, expected):
    assert value(text) == pytest.approx(np.mean(expected), rel=2e-5)


def test_a_parameter_that_decides_is_fixed():
    loss = losses.compile_loss("k = 2\nif k > 1:\n    x = 1 - p_true\nelse:\n    x = p_true\nx")
    assert loss.parameters["k"].fixed


PLACES = [
    ("while y_pred > 0:\n    pass", 1, 1, "loops"),
    ("for c in y_pred:\n    pass\nmean(y_pred)", 1, 10, "tensor"),
    ("for c in range(1000):\n    x = 1\nmean(y_pred)", 1, 10, "64"),
    ("for a, b in zip(y_true, y_pred):\n    pass\nmean(y_pred)", 1, 17, "tensor"),
    ("for i in range(3):\n    x = y_tru\nmean(y_pred)", 2, 9, "y_true"),
    ("if y_pred > 0.5:\n    x = 1\nmean(y_pred)", 1, 1, "where"),
    ("mean(y_ture)", 1, 6, "y_true"),
    ("K.meen(y_pred)", 1, 1, "K.mean"),
    ("α = 2\nmean(y_pred * β)", 2, 15, "β"),
    ("'😀'; mean(y_ture)", 1, 11, "y_true"),
    ("mean(y_pred, keepdim=True)", 1, 14, "keepdims"),
    ("y_true − y_pred", 1, 8, "−"),
    ("mean(y_pred²)", 1, 12, "²"),
    ("K.cast(y_pred, “float32”)", 1, 16, "“"),
    ("if y_pred > 0.5:\n    return y_true", 1, 1, "if"),
    ("mean(y_pred", 1, 5, "never closed"),
    ("y_true y_pred", 1, 8, "missing"),
    ("y_pred and y_true", 1, 8, "and"),
    ("mean(y_pred, axis=2)", 1, 19, "axis 2"),
    ("zeros((32, 10)) + y_pred", 1, 1, "(32, 10)"),
    ("outer(y_true, y_pred)", 1, 1, "(10B, 10B)"),
    ("def f(x):\n    return f(x)\nf(y_pred)", 2, 12, "calls itself"),
    ("y_pred[:, y_pred[0] > 0]", 1, 1, "condition"),
    ("'mse'", 1, 1, "quotes"),
    ("x = 2 * 3.0", 1, 1, "assignment"),
    ("torch.mean(y_pred)", 1, 1, "PyTorch"),
    ("tf.random.normal([3])", 1, 1, "not part"),
    ("mean(y_pred) * 1e39", 1, 16, "float32"),
    ("math.sqrt(-1) * mean(y_pred)", 1, 1, "finite"),
    ("y_pred / 0", 1, 8, "zero"),
    ("2 * pi(2 * y_pred)", 1, 5, "*"),
    ("mean(y_pred - tf.shape(2))", 1, 15, "sizes"),
    ("where(y_pred > 0, y_true > 1, cast(1e39, 'int32'))", 1, 31, "too large"),
]


@pytest.mark.parametrize(("text", "line", "column", "word"), PLACES)
def test_an_error_has_its_place_and_its_words(text, line, column, word):
    error = refused(text)
    assert (error.line, error.column) == (line, column), str(error)
    assert word in f"{error.message} {error.hint}"


def test_fixes_can_be_applied_with_one_click():
    for text, fixed in (
        ("mean(y_ture)", "mean(y_true)"),
        ("sum(y_true − y_pred)", "sum(y_true - y_pred)"),
        ("mean(square(y_true - y_pred), axis=-1, keepdim=True)",
         "mean(square(y_true - y_pred), axis=-1, keepdims=True)"),
        ("K.meen(y_pred)", "K.mean(y_pred)"),
        ("y_pred.meen()", "y_pred.mean()"),
        ("torch.mean(y_pred)", "mean(y_pred)"),
        ("-log(2p_true)", "-log(2 * p_true)"),
        ("(y_pred > 0) && (y_pred < 1)", "(y_pred > 0) & (y_pred < 1)"),
        ("ln(y_pred)", "log(y_pred)"),
        ("yhat - y_true", "y_pred - y_true"),
        ("n := y_pred", "n = y_pred"),
    ):  # fmt: skip
        assert mended(text) == fixed


@pytest.mark.parametrize(
    ("text", "fixed"),
    [
        ("```python\nmean(y_true * y_pred)\n```", "\nmean(y_true * y_pred)\n"),
        (
            ">>> def f(y_true, y_pred):\n...     return mean(y_true * y_pred)\n...",
            "def f(y_true, y_pred):\n    return mean(y_true * y_pred)\n",
        ),
        ("−y_true × p_true² ÷ 2  # − ×", "-y_true * p_true**2 / 2  # − ×"),
        ("√p_true·√(1 − p_true)⁻¹", "sqrt(p_true)*sqrt(1 - p_true)**-1"),
        ("∑(y_pred, axis=−1)", "sum(y_pred, axis=-1)"),
        ("einsum(‘bi,bi->b’,\u00a0y_true,\u00a0y_pred)", "einsum('bi,bi->b', y_true, y_pred)"),
        ("-log(\u200bp_true\u200b)", "-log(p_true)"),
        ("(1 - p_true)^2 + p_true^3", "(1 - p_true)**2 + p_true**3"),
        ("y_tru * log(y_pred) +\\\n y_tru  # y_tru", "y_true * log(y_pred) +\\\n y_true  # y_tru"),
    ],
)
def test_one_click_mends_all_faults_of_a_sort(text, fixed):
    assert mended(text) == fixed


@pytest.mark.parametrize("text", ["y_true > 0 && y_pred < 1", "-log(n := p_true)", "√f(y_pred)"])
def test_no_fix_is_offered_where_it_would_mean_something_else(text):
    assert refused(text).fix is None


def mended(text):
    """The text with the fix of its error, and the same fault's elsewhere, applied."""
    error, lines = refused(text), text.split("\n")
    for span, fix in sorted([(error.span, error.fix), *error.also], reverse=True):
        assert span.line == span.end_line
        line = lines[span.line - 1]
        lines[span.line - 1] = line[: span.column - 1] + fix + line[span.end_column - 1 :]
    return "\n".join(lines)


WARNED = [
    ("sum(y_true * log(y_pred), axis=-1)", "upside-down"),
    ("-sum(y_pred * log(y_true), axis=-1)", "log-of-target"),
    ("-sum(y_true * log(softmax(y_pred)), axis=-1)", "softmax-twice"),
    ("keras.losses.categorical_crossentropy(y_pred, y_true)", "swapped"),
    ("tf.nn.softmax_cross_entropy_with_logits(labels=y_true, logits=y_pred)", "from-logits"),
    ("keras.losses.binary_crossentropy(y_true, y_pred, from_logits=True)", "from-logits"),
    ("mean(square(y_true - round(y_pred)), axis=-1)", "no-gradient"),
    ("mean(cast(y_pred > 0.5, 'float32') * y_true, axis=-1)", "no-gradient-path"),
    ("sum(y_pred, axis=-1) + 0 * sum(y_true, axis=-1)", "constant"),
    ("mean(square(y_true - y_pred)) / mean(square(y_true - y_pred))", "constant"),
    ("1e12 * mean(square(y_true - y_pred), axis=-1)", "huge"),
    ("y_true = y_pred\nmean(square(y_true - y_pred), axis=-1)", "rebound"),
    ("mean(square(y_pred[0] - y_true[0]))", "one-sample"),
    ("1 - max(y_pred, axis=-1)", "no-target"),
    ("mean(sqrt(y_pred - y_true), axis=-1)", "nonfinite"),
    ("clip(y_pred, 1, 0) * y_true", "clip-order"),
    ("mean(sum(y_true * y_pred, axis=-1, keepdims=True) - sum(y_pred, axis=-1))", "broadcast"),
    ("mean(abs(y_true - y_pred))\nmean(square(y_true - y_pred))", "unused"),
    ("def a(y, p):\n    return mean(p)\ndef b(y, p):\n    return mean(abs(y - p))",
     "unused-function"),
    ("square(y_true - y_pred)", "per-class"),
    ("mean(square(y_true - y_pred), axis=-1, keepdims=True)", "column"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "code"), WARNED)
def test_a_dubious_loss_is_warned_of(text, code):
    assert code in codes(text)


@pytest.mark.parametrize("text", [t for t, e in SAME[:20]])
def test_a_sound_loss_is_not(text):
    assert not codes(text)


def test_parameters_with_their_ranges():
    text = "gamma = 2.0  # 0..5\ndef loss(a, b, eps=1e-3):\n    return mean(abs(a-b)**gamma+eps)"
    loss = losses.compile_loss(text)
    assert {n: (p.value, p.low, p.high) for n, p in loss.parameters.items()} == {
        "gamma": (2.0, 0.0, 5.0),
        "eps": (1e-3, 0.0, 0.01),
    }
    assert value(text, gamma=1.0) == pytest.approx(np.abs(Y - P).mean() + 1e-3, rel=1e-5)
    assert "no parameter 'gama'" in refused(text, gama=1.0).message
    assert "finite" in refused(text, gamma=float("inf")).message


def test_a_parameter_moves_without_a_new_trace():
    loss = losses.compile_loss("q = 0.5\n(1 - p_true**q) / q")
    traces = []

    @tf.function
    def run():
        traces.append(1)
        return loss.on(B)

    run()
    loss.set_parameter("q", 1.0)
    assert float(run()) == pytest.approx(float((1 - PT).mean()), rel=1e-5)
    assert len(traces) == 1
    with pytest.raises(losses.LossError, match="finite"):
        loss.set_parameter("q", float("nan"))


def test_a_parameter_that_sets_a_size_is_fixed():
    loss = losses.compile_loss("k = 3\nsum(abs(y_true - y_pred)[:, :k], axis=-1)")
    assert loss.parameters["k"].fixed
    with pytest.raises(losses.LossError, match="cannot be moved"):
        loss.set_parameter("k", 4.0)


def test_a_factory_and_its_parameters():
    text = (
        "def focal(gamma=2., alpha=.25):\n    def inner(y, p):\n"
        "        pt = K.sum(y * p, axis=-1)\n"
        "        return -alpha * (1 - pt)**gamma * K.log(pt)\n    return inner\n"
    )
    expected = {2.0: 0.25 * (1 - PT) ** 2 * CE, 1.5: 0.25 * (1 - PT) ** 1.5 * CE}
    for ending, gamma in (("", 2.0), ("loss = focal(gamma=1.5)", 1.5), ("focal(1.5)", 1.5)):
        loss = losses.compile_loss(text + ending)
        assert loss.parameters["gamma"].value == gamma
        assert float(loss.on(B)) == pytest.approx(expected[gamma].mean(), rel=1e-5)


def test_terms_add_up():
    loss = losses.compile_loss("cross_entropy() + 0.5 * sum(abs(y_true - y_pred), axis=-1) - 1.0")
    parts = loss.terms_on(B)
    assert next(p.text for p in loss.terms) == "cross_entropy()"
    assert [p.sign for p in loss.terms] == [1, 1, -1]
    assert sum(float(p) for p in parts) == pytest.approx(float(loss.on(B)), rel=1e-6)


def test_find_nonfinite_names_the_first_bad_part():
    loss = losses.compile_loss("x = y_true * y_pred\nmean(log(x) * y_pred, axis=-1)")
    found = loss.find_nonfinite(B)
    assert (found["line"], found["column"], found["fragment"]) == (2, 6, "log(x)")
    assert (found["kind"], found["value"], found["sample"]) == ("value", "-inf", 0)
    loss = losses.compile_loss("sqrt(sum(square(y_true - y_true * 1.0), axis=-1)) * p_true + 0")
    assert loss.find_nonfinite(B) is None
    loss = losses.compile_loss("arccos(cos(y_pred - stop_gradient(y_pred)))[:, 0] * p_true")
    found = loss.find_nonfinite(B)
    assert (found["kind"], found["op"]) == ("gradient", "arccos")


def test_the_configuration_round_trips():
    loss = losses.compile_loss("gamma = 2.0\n-(1 - p_true)**gamma * log(p_true)", gamma=3.0)
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert again.get_config() == loss.get_config()
    assert float(again.on(B)) == pytest.approx(float(loss.on(B)))


def test_it_trains_a_keras_model():
    model = keras.Sequential([keras.layers.Dense(10, activation="softmax")])
    model.compile("adam", loss=losses.compile_loss("cross_entropy() + 0.1 * brier()"))
    history = model.fit(B["features"], B["y_true"], epochs=3, verbose=0).history["loss"]
    assert history[2] < history[0]


def test_curve():
    made = losses.curve("-sum(y_true * log(y_pred), axis=-1)", points=21)
    p = np.array(made["p"])
    np.testing.assert_allclose(made["loss"], -np.log(p), rtol=1e-4)
    np.testing.assert_allclose(made["slope"], p - 1, atol=1e-4)
    whole = losses.curve("1 - 2 * sum(y_true * y_pred) / (sum(y_true) + sum(y_pred))", points=5)
    np.testing.assert_allclose(whole["loss"], 1 - np.array(whole["p"]), atol=1e-5)
    assert "compares the samples" in losses.curve("lovasz_softmax()")["reason"]
    assert "features" in losses.curve("0.5 * sum(square(features), axis=-1)")["reason"]


def test_a_metric_needs_no_gradient():
    text = "mean(equal(argmax(y_true, axis=-1), argmax(y_pred, axis=-1)))"
    metric = losses.compile_metric(text)
    expected = (Y.argmax(-1) == P.argmax(-1)).mean()
    assert float(metric.on(B)) == pytest.approx(expected)


def test_check_is_plain_data_and_never_raises():
    import json

    for text in ("mean(abs(y_true - y_pred), axis=-1)", "mean(", "", "\x00", "sum(y_pred)", "1"):
        report = losses.check(text)
        assert json.loads(json.dumps(report)) == report
        assert report["ok"] == (report["error"] is None)
    assert losses.check("g = 1.0\nmean(abs(y_true - y_pred)**g)", g="x")["error"]["line"] == 1


def test_every_operator_has_an_emitter_and_a_builder():
    assert set(vocabulary.OPERATORS) <= set(operators.APPLY) | spelled.OPERATORS
    assert set(operators.APPLY) <= set(vocabulary.OPERATORS)
    for entry in SAME:
        for node in analyse(entry[0]).order:
            leaf = node.op in ("const", "input", "parameter", "dim")
            assert leaf or node.op in emit.EMIT or node.op in emit._KINDED


def test_the_allowlist_names_real_fields():
    for kind, fields in FIELDS.items():
        assert set(fields) <= set(kind._fields), kind


def test_nothing_of_the_library_is_reached_by_a_name_of_the_text():
    """No eval, exec, compile or getattr on visitor text anywhere in the language."""
    folder = Path(losses.__file__).parent / "language"
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("eval", "exec", "compile", "__import__"), path
                # the emitters look up constant names of their own at import
                assert node.func.id != "getattr" or path.name == "emit.py", path


def test_canonical_of_other_spellings_is_one():
    spellings = ("mean(abs(y_true - y_pred), axis=-1)", "K.mean(K.abs(y_true-y_pred), -1)",
                 "def f(a, b):\n    return tf.reduce_mean(tf.abs(a - b), axis=-1)")  # fmt: skip
    assert len({canonical(analyse(t)) for t in spellings}) == 1
    written = canonical(analyse("mean(tanh((y_pred * y_true) * (y_true * y_pred)))"))
    assert canonical(analyse(written)) == written


def test_a_parameter_may_be_called_like_an_option_of_ours() -> None:
    text = "probe = 1.0\nnumeric = 1.0\nprobe * numeric * sum(square(y_true - y_pred), axis=-1)"
    loss = losses.compile_loss(text, {"probe": 3.0})
    assert loss.parameters["probe"].value == 3.0
    report = losses.check(text, {"numeric": 2.0})
    assert [p["value"] for p in report["parameters"]] == [1.0, 2.0]


def test_the_glossary_says_of_every_name_what_it_is():
    glossary = losses.glossary()
    entries = {(each["space"], each["name"]): each for each in glossary["entries"]}
    assert set(glossary["spaces"].values()) <= {space for space, _ in entries}
    assert all(each["what"] for each in entries.values())
    assert entries["", "sum"]["arguments"] == ["x", "axis=None", "keepdims=False"]
    assert entries["", "focal"]["arguments"] == ["y_true", "y_pred", "gamma=2.0", "alpha=1.0"]
    assert entries["tf", "reduce_sum"]["what"] == entries["", "sum"]["what"]
    assert entries["", "y_true"]["what"] == "(B, C) the target, one-hot"


@pytest.mark.parametrize(
    ("divisor", "may_be_zero"),
    [
        ("cast(softmax(y_pred, axis=1), 'int32')", True),
        ("argmax(y_true, axis=-1)[:, None]", True),
        ("arange(10)", True),
        ("array([2, 0, 1, 1, 1, 1, 1, 1, 1, 1])", True),
        ("(arange(10) + 1)", False),
        ("maximum(argmax(y_true, axis=-1), 1)[:, None]", False),
        ("shape(y_true)[0]", False),
    ],
)
def test_whole_numbers_are_not_divided_by_what_may_be_zero(divisor, may_be_zero):
    text = f"mean(cast(7 % {divisor}, 'float32') * y_pred, axis=-1)"
    if may_be_zero:
        assert "divides whole numbers" in refused(text).message
    else:
        losses.compile_loss(text)


@pytest.mark.parametrize("sign", ["<", "<=", ">", ">=", "==", "!="])
def test_conditions_can_be_compared(sign):
    one, two = reference.batch()["y_true"] > 0.5, reference.batch()["y_pred"] > 0.1
    wanted = {"<": one < two, "<=": one <= two, ">": one > two, ">=": one >= two,
              "==": one == two, "!=": one != two}[sign]  # fmt: skip
    text = (
        f"mean(cast((y_true > 0.5) {sign} (y_pred > 0.1), 'float32'), axis=-1) + mean(0 * y_pred)"
    )
    loss = losses.compile_loss(text, probe=False)
    assert float(loss.on(reference.batch())) == pytest.approx(wanted.mean())
