"""Formulas as a person would write them, and as KaTeX can show them; one digest a loss."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import reference
import streamlit
from hypothesis import given, settings
from hypothesis import strategies as st

import losses
from losses.language import canonical
from losses.language.latex import symbol
from losses.language.program import analyse

WRITTEN = [
    ("-sum(y_true * log(y_pred), axis=-1)", r"-\sum_{c} y_{c}\,\log p_{c}"),
    ("-K.sum(y_true * K.log(y_pred), axis=1)", r"-\sum_{c} y_{c}\,\log p_{c}"),
    ("mean(square(y_true - y_pred), axis=-1)",
     r"\frac{1}{C}\sum_{c} \left(y_{c} - p_{c}\right)^{2}"),
    ("mean(abs(y_true - y_pred))", r"\frac{1}{BC}\sum_{i,c} \left|y_{ic} - p_{ic}\right|"),
    ("sum(abs(features - partner_features)) / shape(features)[0]",
     r"\frac{\sum_{i,d} \left|f_{id} - \tilde f_{id}\right|}{B}"),
    ("0.5 * sum(square(features - centers[labels]), axis=-1)",
     r"0.5\,\sum_{d} \left(f_{d} - \mu_{kd}\right)^{2}"),
    ("norm(y_true - y_pred, axis=-1)", r"\left\lVert y - p \right\rVert"),
    ("-sum(y_true * y_pred, axis=-1) / norm(y_true, axis=-1) / norm(y_pred, axis=-1)",
     r"-\frac{\sum_{c} y_{c}\,p_{c}}{\left\lVert y \right\rVert\,\left\lVert p \right\rVert}"),
    ("(sum(y_true * y_pred, axis=-1) + 1)**2", r"\left(\sum_{c} y_{c}\,p_{c} + 1\right)^{2}"),
    ("sum(y_true * y_pred, axis=-1)**2", r"\left(\sum_{c} y_{c}\,p_{c}\right)^{2}"),
    ("gamma = 2.0\npt = sum(y_true * y_pred, axis=-1)\n-(1 - pt)**gamma * log(pt)",
     r"\begin{aligned} p_{t} &= \sum_{c} y_{c}\,p_{c} \\ "
     r"L &= -\left(1 - p_{t}\right)^{\gamma}\,\log p_{t} \end{aligned}"),
    ("where(p_true > 0.5, 1 - p_true, -log(p_true))",
     r"\begin{cases} 1 - p_{t} & \text{if } p_{t} > 0.5 \\ -\log p_{t} & \text{otherwise} "
     r"\end{cases}"),
    ("alpha_pos = 0.5\nalpha_pos * cross_entropy() + 0.1 * focal(gamma=3.0)",
     r"\alpha_{\mathrm{pos}}\,\operatorname{CE}\left(y,\, p\right) + "
     r"0.1\,\operatorname{focal}\left(y,\, p;\ \gamma = 3\right)"),
    ("logsumexp(logits, axis=-1) - sum(y_true * logits, axis=-1)",
     r"\log \sum_{c} e^{z_{c}} - \sum_{c} y_{c}\,z_{c}"),
    ("sum(y_true * y_pred / sum(square(y_pred), axis=-1, keepdims=True), axis=-1)",
     r"\sum_{j} \frac{y_{j}\,p_{j}}{\sum_{c} p_{c}^{2}}"),
    ("mean(square(cumsum(y_true, axis=-1) - cumsum(y_pred, axis=-1)), axis=-1)",
     r"\frac{1}{C}\sum_{c} \left(\sum_{j \leq c} y_{j} - \sum_{j \leq c} p_{j}\right)^{2}"),
    ("c = 0.5\nsum(square(y_true - y_pred), axis=-1) * c",
     r"\left(\sum_{c} \left(y_{c} - p_{c}\right)^{2}\right) c"),
    ("c = 0.5\nsum(c * y_true * -y_pred, axis=-1)", r"-\sum_{j} c\,y_{j}\,p_{j}"),
    ("exp(-p_true) - exp(-p_true / 2)", r"e^{-p_{t}} - \exp\left(-\frac{p_{t}}{2}\right)"),
    ("max(cast(y_pred > 0.5, 'float32') * y_pred, axis=-1)",
     r"\max_{c} \mathbb{1}\left[p_{c} > 0.5\right]\,p_{c}"),
    ("mean(-sum(y_true * log(y_pred), axis=-1))",
     r"-\frac{1}{B}\sum_{i} \sum_{c} y_{ic}\,\log p_{ic}"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "formula"), WRITTEN)
def test_it_reads_as_one_writes_it(text, formula):
    assert losses.check(text, numeric=False)["latex"] == formula


@pytest.mark.parametrize(
    ("name", "written"),
    [("gamma", r"\gamma"), ("α", r"\alpha"), ("lam", r"\lambda"), ("w", "w"), ("t1", "t_{1}"),
     ("smooth", r"\mathrm{smooth}"), ("gamma_neg", r"\gamma_{\mathrm{neg}}"), ("pt", "p_{t}"),
     ("label_smoothing", r"\mathrm{label}_{\mathrm{smoothing}}")],
)  # fmt: skip
def test_a_name_becomes_a_symbol(name, written):
    assert symbol(name) == written


TEXTS = [
    *[t for t, _ in WRITTEN],
    *[e["text"] for e in reference.lines("loss_language.jsonl") if e["expect"] == "accept"],
    *[info.text for info in losses.catalog() if info.text],
]


def test_katex_can_show_every_formula(tmp_path):
    """By the very KaTeX that the page uses, in its strictest setting."""
    scripts = Path(streamlit.__file__).parent / "static" / "static" / "js"
    found = [p for p in scripts.glob("katex.*.js")]
    node = shutil.which("node")
    if node is None or len(found) != 1:
        pytest.skip("no node, or Streamlit keeps KaTeX elsewhere")
    formulas = [losses.check(text, numeric=False)["latex"] for text in TEXTS]
    formulas += [info.latex for info in losses.catalog()]
    script = tmp_path / "show.mjs"
    script.write_text(
        f"import * as found from {json.dumps(found[0].as_uri())}\n"
        "const katex = Object.values(found).find((each) => each?.renderToString)\n"
        f"for (const formula of {json.dumps(formulas)}) {{\n"
        "  katex.renderToString(formula, { throwOnError: true, strict: 'error' })\n}\n"
    )
    done = subprocess.run([node, script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-800:]


SPACES = {
    "sum": ("sum", "K.sum", "tf.reduce_sum", "ops.sum", "np.sum", "keras.backend.sum"),
    "log": ("log", "K.log", "tf.math.log", "keras.ops.log", "np.log"),
    "mean": ("mean", "K.mean", "tf.reduce_mean", "keras.ops.mean"),
    "square": ("square", "K.square", "tf.square", "tf.math.square"),
    "abs": ("abs", "K.abs", "tf.abs", "ops.absolute"),
}
SKELETONS = [
    "-{sum}(y_true * {log}(y_pred), axis={axis})",
    "g = 2.0\n{mean}({abs}(y_true - y_pred)**g, axis={axis})",
    "{mean}({square}(y_true - y_pred), axis={axis}) + 0.1 * {sum}({abs}(y_pred), {axis})",
]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_two_spellings_have_one_digest(data):
    """Other namespaces, axes, names, brackets, orders of factors, functions around it."""
    skeleton = data.draw(st.sampled_from(SKELETONS))

    def spelt() -> str:
        words = {name: data.draw(st.sampled_from(found)) for name, found in SPACES.items()}
        text = skeleton.format(
            axis=data.draw(st.sampled_from(["-1", "1", "(1,)", "[-1]"])), **words
        )
        swapped = data.draw(st.booleans())
        if swapped:
            log = f"{words['log']}(y_pred)"
            text = text.replace(f"y_true * {log}", f"{log} * y_true")
        if data.draw(st.booleans()) and "\n" not in text:
            text = text.replace("y_true", "a").replace("y_pred", "b")
            text = f"def f(a, b):\n    # the same\n    out = ({text})\n    return out"
        if data.draw(st.booleans()):
            square = words["square"] + "(y_true - y_pred)"
            text = text.replace(square, "(y_true - y_pred)**2")
        return text

    one, two = spelt(), spelt()
    assert canonical.digest(analyse(one)) == canonical.digest(analyse(two)), (one, two)


def test_different_losses_have_different_digests():
    digests = {canonical.digest(analyse(text)) for text in TEXTS}
    canonicals = {canonical.text(analyse(text)) for text in TEXTS}
    assert len(digests) == len(canonicals) > 60


@pytest.mark.parametrize("text", TEXTS)
def test_the_canonical_text_is_read_as_itself(text):
    program = analyse(text)
    again = analyse(canonical.text(program))
    assert canonical.text(again) == canonical.text(program)


def test_a_parameter_may_hide_an_input_that_a_named_loss_needs():
    text = canonical.text(analyse("features = 2.0\ncenter() * features + mse()"))
    assert "features2 = 2.0" in text and "center_loss(features, " in text
    assert canonical.text(analyse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "mean(clip(y_true + y_pred, 0, 1) < flip(y_pred + y_true, axis=-1))",
        "b = stack([y_true > 0.5, y_pred > 0.5])\nmean(cast(b & (y_true > 0), 'float32') * y_pred)",
        "apart = y_true > 0.5,\nmean(cast(apart & (y_true > 0), 'float32') * y_pred)",
    ],
)
def test_texts_that_the_fuzzer_found(text):
    once = canonical.text(analyse(text))
    assert canonical.text(analyse(once)) == once
