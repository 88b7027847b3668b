"""Centre loss as a Keras layer, for models that are trained with `fit`."""

from __future__ import annotations

from typing import Any

import keras

from .center_rule import moved
from .embedding import center_loss
from .language.errors import LossError
from .loss_info import Tensor


@keras.saving.register_keras_serializable(package="losses")
class CenterLoss(keras.layers.Layer):
    """Passes features (B, D) on and adds weight / 2 · mean‖x − c_y‖² to the model's loss (Wen et
    al., ECCV 2016). Called on `[features, labels]`, labels (B,) or (B, 1) class numbers or (B, C)
    one-hot.

    The centres are a weight of the layer that no gradient touches: in training they move by the
    paper's rule with rate `alpha` (0 to 1), and they are saved with the model. They and the loss
    are float32 under every dtype policy; features pass as they are. Raises LossError, which is a
    ValueError, for numbers out of range and labels of another shape.
    """

    def __init__(
        self, classes: int, weight: float = 0.01, alpha: float = 0.5, **options: Any
    ) -> None:
        super().__init__(autocast=False, **options)  # float16 counts class numbers only to 2048
        if classes < 2 or weight < 0 or not 0 <= alpha <= 1:
            raise LossError(
                "expected at least 2 classes, weight >= 0 and 0 <= alpha <= 1; "
                f"got classes={classes}, weight={weight}, alpha={alpha}"
            )
        self.classes, self.weight, self.alpha = int(classes), float(weight), float(alpha)

    def build(self, input_shape: Any) -> None:
        """Makes the centres for features of this width."""
        self.centers = self.add_weight(
            shape=(self.classes, input_shape[0][-1]),
            initializer="glorot_uniform",
            dtype="float32",
            autocast=False,
            trainable=False,
            name="centers",
        )

    def call(self, inputs: tuple[Tensor, Tensor], training: bool = False) -> Tensor:
        features, labels = inputs
        labels = self._numbers(labels)
        each = center_loss(keras.ops.cast(features, "float32"), self.centers, labels)
        self.add_loss(self.weight * keras.ops.mean(each))
        if training:
            held = keras.ops.stop_gradient(features)
            self.centers.assign(moved(self.centers, held, labels, self.alpha))
        return features

    def _numbers(self, labels: Tensor) -> Tensor:
        shape = tuple(labels.shape)
        if len(shape) == 1:
            return labels
        if len(shape) == 2 and shape[1] == 1:
            return keras.ops.squeeze(labels, axis=-1)
        if len(shape) == 2 and shape[1] in (None, self.classes):
            return keras.ops.argmax(labels, axis=-1)
        raise LossError(
            f"CenterLoss: Expected labels of shape (B,) or (B, 1), or one-hot (B, {self.classes}), "
            f"got {shape}",
            hint="pass class numbers",
        )

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape[0]

    def get_config(self) -> dict[str, Any]:
        own = {"classes": self.classes, "weight": self.weight, "alpha": self.alpha}
        return {**super().get_config(), **own}
