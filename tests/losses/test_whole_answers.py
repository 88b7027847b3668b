"""Whole answers, with the network around the loss: the loss is read, the rest left out and told."""

import numpy as np
import pytest
import reference

import losses
from losses.language.program import analyse

B = reference.batch()
Y, P = B["y_true"].astype("float64"), B["y_pred"].astype("float64")
MSE = np.square(Y - P).mean()
CE = -(Y * np.log(P)).sum(-1)
FOCAL = ((1 - (Y * P).sum(-1)) ** 2 * CE).mean()

NOTEBOOK = """\
import keras
from keras.models import Sequential
import matplotlib.pyplot as plt
np.random.seed(0)
batch_size = 128

model = Sequential()
model.add(Dense(10, activation='softmax'))
gamma = 2.0  # 0..5

@tf.function
def focal(y_true, y_pred):
    print('shape', y_pred.shape)
    return K.sum(-y_true * K.pow(1 - y_pred, gamma) * K.log(y_pred), axis=-1)

model.compile(optimizer='adam', loss=focal, metrics=['accuracy'])
history = model.fit(x_train, y_train, epochs=3, batch_size=batch_size)
plt.plot(history.history['loss'])
plt.show()
"""
FACTORY = """\
def tilted(q=0.9):
    def loss(y_true, y_pred):
        e = y_true - y_pred
        return K.mean(K.maximum(q * e, (q - 1) * e), axis=-1)
    return loss

"""
ONLY = """\
model = build_model()
model.fit(x, y)
def f(y_true, y_pred):
    return K.mean(K.square(y_true - y_pred), axis=-1)
model.summary()
"""
WRITTEN = {
    "a notebook": (NOTEBOOK, FOCAL, {"gamma": 2.0}),
    "a factory": (FACTORY + "m.compile('sgd', tilted(0.5))", np.abs(Y - P).mean() / 2, {"q": 0.5}),
    "a class": (
        "class L(keras.losses.Loss):\n    def call(self, y_true, y_pred):\n"
        "        return K.mean(K.square(y_true - y_pred), axis=-1)\n"
        "net = Net()\nnet.compile(loss=L(), metrics=['accuracy'])\n",
        MSE,
        {},
    ),
    "no compile": (ONLY, MSE, {}),
    "in quotes": ("model.compile(loss='categorical_crossentropy', optimizer='sgd')", CE.mean(), {}),
    "by position": ("model.compile('sgd', 'mse')", MSE, {}),
    "one in a list": ("model.compile(loss=[keras.losses.MeanSquaredError()])", MSE, {}),
    "one by its output": ("model.compile(loss={'out': 'mse'})", MSE, {}),
    "added": ("model.add_loss(K.mean(K.square(y_true - y_pred)))", MSE, {}),
    "added by name": (
        "total = K.mean(K.square(y_true - y_pred))\nmodel.add_loss(total)\n"
        "model.compile(optimizer='adam')\n",
        MSE,
        {},
    ),
    "printed": ("d = y_true - y_pred\ntf.print(d)\nK.mean(K.square(d), axis=-1)", MSE, {}),
    "assigned": ("d = y_true - y_pred\nfinal_loss = K.mean(K.square(d), axis=-1)", MSE, {}),
    "a function of keras": ("keras.losses.mean_squared_error", MSE, {}),
    "a class of keras": ("tf.keras.losses.MeanSquaredError", MSE, {}),
    "an imported function": ("from keras.losses import mse\nmse", MSE, {}),
    "of the backend": ("K.categorical_crossentropy", CE.mean(), {}),
    "named": ("loss = keras.losses.categorical_crossentropy", CE.mean(), {}),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_the_loss_of_a_whole_answer_is_read(name):
    text, value, parameters = WRITTEN[name]
    loss = losses.compile_loss(text)
    assert float(loss.on(B)) == pytest.approx(value, rel=1e-4)
    assert {n: p.value for n, p in loss.parameters.items()} == parameters


@pytest.mark.parametrize("name", WRITTEN)
def test_what_is_left_out_goes_with_one_click(name):
    text, value, _ = WRITTEN[name]
    note = next((n for n in analyse(text).notes if n.code == "left-out"), None)
    assert (note is not None) == (".compile(" in text or ".add_loss(" in text or ".fit(" in text)
    if note is not None:
        assert (note.line, note.column) == (1, 1) and note.fix
        kept = losses.compile_loss(note.fix)
        assert float(kept.on(B)) == pytest.approx(value, rel=1e-4)
        assert "left-out" not in [n.code for n in kept.notes]


def test_an_ending_assignment_is_told_and_its_value_goes_in_its_place():
    note = next(n for n in analyse(WRITTEN["assigned"][0]).notes if n.code == "assigned")
    assert (note.line, note.column, note.fix) == (2, 1, "K.mean(K.square(d), axis=-1)")


# A text, where it is refused, a word of what is said, and the fix.
REFUSED = {
    "a name in quotes": ("'mse'", (1, 1), "mse()", "mse()"),
    "words in quotes": ("'what a loss'", (1, 1), "remove the quotes", None),
    "no such loss": ("m.compile(loss='my_los')", (1, 16), "my_los", None),
    "several outputs": ("m.compile(loss={'a': 'mse', 'b': 'mae'})", (1, 16), "outputs", None),
    "a fault in the loss": (NOTEBOOK.replace("K.pow", "K.pwo"), (14, 28), "K.pow", "K.pow"),
    "no loss at all": ("m.compile(optimizer='adam')", (1, 1), "end with the loss", None),
    "compile alone": ("compile('1', '', 'eval')", (1, 1), "compile", None),
    "a printed file": (
        "tf.print(y_true, output_stream='file:///x')\nmse()",
        (1, 1),
        "not printed",
        None,
    ),
    "the state of Keras": ("K.clear_session()\nmse()", (1, 1), "clear_session", None),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_of_it_is_told(name):
    text, place, word, fix = REFUSED[name]
    with pytest.raises(losses.LossError) as caught:
        analyse(text)
    error = caught.value
    assert (error.line, error.column) == place, str(error)
    assert word in f"{error.message} {error.hint} {error.fix}"
    assert error.fix == fix
