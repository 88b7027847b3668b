"""Autoencoder: an image through a narrow code and back; plain, denoising or variational."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from playground.cnn import FLOAT, NORMALISE
from playground.datasets import Dataset, find, source_of
from playground.knobs import Knob, knob_of
from playground.layers import Layer, Plan
from playground.spec import TASK_KNOB, RunSpec
from playground.tasks.inputs import Input, known
from playground.tasks.task import Measure, Sight, Task

if TYPE_CHECKING:
    from playground.training.work import Work

OBJECTIVE = """\
beta = 1.0  # 0..10    weight of the KL divergence
reconstruction = -sum(x * log(x_hat) + (1 - x) * log(1 - x_hat), axis=(1, 2, 3))
divergence = -0.5 * sum(1 + log_var - square(mu) - exp(log_var), axis=-1)
reconstruction + beta * divergence"""


class AutoencoderSpec(RunSpec):
    """A run that learns a code of images."""

    task: Annotated[Literal["autoencoder"], TASK_KNOB] = "autoencoder"
    loss: Annotated[str, Knob("Loss", "What is minimised.", "loss")] = OBJECTIVE
    normalise: Annotated[
        str,
        Knob(
            "Normalisation",
            "Subtract the mean and divide by the spread of each pixel or each channel of the "
            "training images, or only scale to 0…1.",
            "data",
            choices={
                "pixel": "Per pixel",
                "channel": "Per channel",
                "unit": "Scale to 0…1",
            },
        ),
    ] = "unit"
    learning_rate: Annotated[float, knob_of(RunSpec.model_fields["learning_rate"])] = 1e-3
    schedule: Annotated[str, knob_of(RunSpec.model_fields["schedule"])] = "constant"
    batch_size: Annotated[int, knob_of(RunSpec.model_fields["batch_size"])] = 128
    with_test_images: Annotated[
        bool,
        Knob(
            "Train on the test images, too",
            "As Keras' own example of a VAE does. What is measured on them then says nothing of "
            "images that it has not seen.",
            "data",
        ),
    ] = False
    noise: Annotated[
        float,
        Knob(
            "Noise on the input",
            "Standard deviation of what is added to each pixel, of 0 to 1, before the encoder: a "
            "denoising autoencoder (Vincent et al. 2008).",
            "data",
            low=0.0,
            high=1.0,
            step=0.05,
        ),
    ] = 0.0
    kind: Annotated[
        str,
        Knob(
            "Code",
            "Variational: drawn from a normal distribution of mean mu and variance e^log_var in "
            "training. Plain: mu itself; log_var is 0 then.",
            "model",
            choices={"variational": "Variational", "plain": "Plain"},
        ),
    ] = "variational"
    latent: Annotated[
        int,
        Knob("Latent dimensions", "Numbers of the code.", "model", low=1, high=64, step=1),
    ] = 2
    width: Annotated[
        int,
        Knob(
            "Width",
            "Filters of the first convolution; the second has twice as many, and the decoder is "
            "the encoder's mirror.",
            "model",
            low=2,
            high=64,
            step=2,
        ),
    ] = 32
    hidden: Annotated[
        int,
        Knob(
            "Hidden units",
            "Of the dense layer between the convolutions and the code.",
            "model",
            low=2,
            high=512,
            step=2,
        ),
    ] = 16
    conditional: Annotated[
        bool,
        Knob(
            "Conditional",
            "Encoder and decoder are told the class (Sohn et al. 2015).",
            "model",
        ),
    ] = False
    class_head: Annotated[
        bool,
        Knob(
            "Class head",
            "A softmax on the code, whose answer a loss may name: cross_entropy(labels, p_class).",
            "model",
        ),
    ] = False

    @field_validator("dataset")
    @classmethod
    def _halved_twice(cls, value: str, info: ValidationInfo) -> str:
        known_set = find(value)
        if known_set is not None and any(side % 4 for side in known_set.shape[:2]):
            raise PydanticCustomError(
                "range", f"expected images whose sides are multiples of 4; got {known_set.title}"
            )
        return value


class Autoencoder(Task):
    """The task."""

    name, title, Spec = "autoencoder", "Autoencoder", AutoencoderSpec
    inputs: Mapping[str, Input | None] = {
        "x": Input("BHWK", "label", "x", "the image, each pixel 0 to 1", "unit"),
        "x_hat": Input("BHWK", "prediction", r"\hat x", "the reconstruction", "unit"),
        "mu": Input("BL", "prediction", r"\mu", "the mean of the code"),
        "log_var": Input(
            "BL", "prediction", r"\log\sigma^2", "the logarithm of the code's variance", "exponent"
        ),
        "z": Input("BL", "prediction", "z", "the code that was drawn"),
        "p_class": Input(
            "BC", "prediction", "p", "the probabilities of the class head", "probability"
        ),
        **known("labels", "num_classes", "epoch", "step", "progress"),
    }
    # What these are called in Keras' examples, its tutorials, TensorFlow's and PyTorch's.
    others: Mapping[str, str] = {
        **dict.fromkeys(("z_mean", "z_mu", "mean_z", "latent_mean", "mu_z", "code_mean"), "mu"),
        **dict.fromkeys(("z_log_var", "z_logvar", "logvar", "log_variance"), "log_var"),
        **dict.fromkeys(("z_log_sigma", "z_log_sigma_sq", "latent_log_var"), "log_var"),
        **dict.fromkeys(("log_sigma", "z_log_std"), "(log_var / 2)"),
        **dict.fromkeys(("z_sigma", "sigma", "z_std"), "exp(log_var / 2)"),
        **dict.fromkeys(("input_img", "inputs", "input_image", "encoder_input", "data"), "x"),
        **dict.fromkeys(("encoder_inputs", "vae_input", "images", "x_true", "y_true"), "x"),
        **dict.fromkeys(
            ("x_decoded_mean", "x_decoded", "z_decoded", "decoded", "recon_x"), "x_hat"
        ),
        **dict.fromkeys(("outputs", "reconstruction", "reconstructed", "decoder_output"), "x_hat"),
        **dict.fromkeys(("vae_output", "x_recon", "recon", "y_pred", "reconstructions"), "x_hat"),
        **dict.fromkeys(("x_logit", "x_logits"), "log(x_hat / (1 - x_hat))"),
        "original_dim": "(shape(x)[1] * shape(x)[2] * shape(x)[3])",
        "image_size": "shape(x)[1]",
        "img_rows": "shape(x)[1]",
        "img_cols": "shape(x)[2]",
        "latent_dim": "shape(mu)[1]",
    }
    measures = (
        Measure("reconstruction", "Reconstruction", " nats", better="lower", of_steps=True),
        Measure("divergence", "KL divergence", " nats", better="lower", of_steps=True),
        Measure("elbo", "Negative ELBO", " nats", better="lower"),
        Measure("squared_error", "Squared error a pixel", better="lower"),
        Measure("active", "Active dimensions", better=""),
    )
    panels = ("loss",)
    views = ("reconstructions", "latent")
    page, icon = "autoencoder", ":material/blur_on:"
    felt_at = "mu"

    def of_terms(self, spec: AutoencoderSpec) -> Sequence[Measure]:
        """Each term's value, and its gradient at the mean of the code."""
        return (Measure("", ""), Measure("_features", "gradient norm at mu"))

    def work(self, spec: RunSpec, dataset: Dataset) -> "Work":
        """The worker's part of a run. Imports TensorFlow."""
        from playground.training.autoencoder import AutoencoderWork

        return AutoencoderWork(spec, dataset)

    def sights(self, spec: AutoencoderSpec) -> Sequence[Sight]:
        """The image; its embedding is the mean of its code."""
        logits = "class_logits" if spec.class_head else ""
        return (Sight("images", features="mu", logits=logits),)

    def script(
        self, spec: AutoencoderSpec, weights: Mapping[str, np.ndarray], changed: bool
    ) -> str:
        """Python that trains it with `keras.Model.fit` (`playground.export_autoencoder`)."""
        from playground.export_autoencoder import script

        return script(spec, weights=bool(weights), changed=changed)

    def plan(self, spec: AutoencoderSpec) -> Plan:
        """Encoder, code and decoder: those of Keras' example of a VAE at width 32, 16 hidden units
        and 2 latent dimensions (keras.io/examples/generative/vae)."""
        source = source_of(spec.dataset)
        height, width, channels = source.shape
        classes = len(source.class_names)
        inputs: dict[str, tuple[int, ...]] = {"images": source.shape}
        if spec.conditional:
            inputs["condition"] = (classes,)
        small = (height // 4, width // 4, 2 * spec.width)
        down = {"kernel_size": 3, "strides": 2, "padding": "same", "activation": "relu"}
        layers = [
            NORMALISE,
            Layer("encoder_conv1", "Conv2D", {"filters": spec.width, **down}),
            Layer("encoder_conv2", "Conv2D", {"filters": 2 * spec.width, **down}),
            Layer("encoder_flat", "Flatten"),
            *_told(spec, "encoder", "encoder_flat"),
            Layer("hidden", "Dense", {"units": spec.hidden, "activation": "relu"}),
            Layer("mu", "Dense", {"units": spec.latent, **FLOAT}, ("hidden",)),
        ]
        if spec.kind == "variational":
            layers += [
                Layer("log_var", "Dense", {"units": spec.latent, **FLOAT}, ("hidden",)),
                Layer("z", "Sampling", FLOAT, ("mu", "log_var")),
            ]
        else:
            layers.append(Layer("z", "Activation", {"activation": "linear", **FLOAT}, ("mu",)))
        units = small[0] * small[1] * small[2]
        layers += [
            *_told(spec, "decoder", "z"),
            Layer("decoder_dense", "Dense", {"units": units, "activation": "relu"}),
            Layer("decoder_reshape", "Reshape", {"target_shape": small}),
            Layer("decoder_conv1", "Conv2DTranspose", {"filters": 2 * spec.width, **down}),
            Layer("decoder_conv2", "Conv2DTranspose", {"filters": spec.width, **down}),
            Layer(
                "x_logits",
                "Conv2DTranspose",
                {"filters": channels, "kernel_size": 3, "padding": "same", **FLOAT},
            ),
            Layer("x_hat", "Activation", {"activation": "sigmoid", **FLOAT}),
        ]
        outputs: tuple[str, ...] = ("x_hat", "mu")
        if spec.class_head:
            layers += [
                Layer("class_logits", "Dense", {"units": classes, **FLOAT}, ("z",)),
                Layer("probabilities", "Softmax", FLOAT),
            ]
            outputs = (*outputs, "probabilities")
        return Plan(inputs, tuple(layers), outputs, dtype=spec.dtype, seed=spec.seed)


def _told(spec: AutoencoderSpec, part: str, before: str) -> list[Layer]:
    """The layer that tells a part the class, in a conditional autoencoder."""
    if not spec.conditional:
        return []
    return [Layer(f"{part}_told", "Concatenate", {}, (before, "condition"))]


TASK = Autoencoder()
