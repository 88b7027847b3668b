"""The public face: each name works on the plainest loss."""

import keras
import numpy as np

import losses

TEXT = "-sum(y_true * log(y_pred), axis=-1)"
Y = np.eye(10, dtype="float32")[[0, 3]]
P = np.full((2, 10), 0.1, dtype="float32")


def test_a_written_loss_is_a_keras_loss():
    loss = losses.compile_loss(TEXT)
    assert isinstance(loss, keras.losses.Loss)
    np.testing.assert_allclose(loss(Y, P), np.log(10), rtol=1e-6)


def test_a_named_loss_is_a_keras_loss():
    loss = losses.get("categorical_crossentropy")
    assert isinstance(loss, keras.losses.Loss)
    np.testing.assert_allclose(loss(Y, P), np.log(10), rtol=1e-6)


def test_check_reports_an_error_instead_of_raising_it():
    report = losses.check("mean(y_ture)", numeric=False)
    assert not report["ok"]
    assert report["error"]["column"] == 6
    assert "y_true" in report["error"]["message"]
