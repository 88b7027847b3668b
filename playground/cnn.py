"""The CNNs that tasks are built on: blocks of convolution and pooling, and one hidden layer.

Layers have names that views read by: `normalise`, `block1_conv`, `block1_norm`,
`block1_activation`, `block1_pool`, ..., `features`.
"""

from typing import Annotated, Any

from playground.knobs import Knob
from playground.layers import Constant, Given, Layer
from playground.spec import RunSpec

DRAWN = 3  # features that are a plot's axes


class CnnSpec(RunSpec):
    """What a run with a CNN over images has beside: the network, and how images are moved."""

    model: Annotated[
        str,
        Knob(
            "Model",
            "The network. A block is one or two convolutions and a pooling.",
            "model",
            choices={
                "simple": "CNN, one convolution a block",
                "double": "CNN, two convolutions a block",
                "lenet": "LeNet++, two 5×5 convolutions a block",
            },
        ),
    ] = "simple"
    width: Annotated[
        int,
        Knob(
            "Width",
            "Filters of the first block; each next block has twice as many.",
            "model",
            low=2,
            high=64,
            step=2,
        ),
    ] = 16
    depth: Annotated[
        int, Knob("Depth", "Number of convolution blocks.", "model", low=1, high=4, step=1)
    ] = 2
    embedding: Annotated[
        int,
        Knob(
            "Embedding size",
            "Units of the last hidden layer, the features.",
            "model",
            low=2,
            high=512,
            step=1,
        ),
    ] = 64
    linear_embedding: Annotated[
        bool,
        Knob(
            "Linear embedding",
            "No activation after the features, so that they use the whole plane.",
            "model",
        ),
    ] = False
    logits_bias: Annotated[
        bool,
        Knob(
            "Bias of the last layer",
            "Without it classes can only differ in the direction of their features.",
            "model",
        ),
    ] = True
    activation: Annotated[
        str,
        Knob(
            "Activation",
            "The non-linearity after each layer.",
            "model",
            choices={
                "relu": "ReLU",
                "leaky_relu": "Leaky ReLU",
                "prelu": "PReLU, a learned slope a filter",
                "elu": "ELU",
                "gelu": "GELU",
                "silu": "SiLU",
                "tanh": "tanh",
                "sigmoid": "Sigmoid",
            },
        ),
    ] = "relu"
    batch_norm: Annotated[
        bool, Knob("Batch norm", "Normalise each convolution's output over the batch.", "model")
    ] = False
    dropout: Annotated[
        float,
        Knob(
            "Dropout",
            "Share of the inputs of the last hidden layer silenced at random in each step.",
            "regularisation",
            low=0.0,
            high=0.9,
            step=0.05,
        ),
    ] = 0.0
    l2: Annotated[
        float,
        Knob(
            "L2",
            "Weight decay strength: adds λ·Σw² of the kernels to the loss.",
            "regularisation",
            low=0.0,
            high=0.1,
            step=1e-5,
        ),
    ] = 0.0
    flip: Annotated[
        bool,
        Knob("Flip", "Mirror every other training image, left for right.", "augmentation"),
    ] = False
    shift: Annotated[
        int,
        Knob(
            "Shift",
            "Move each training image by up to so many pixels each way, black coming in.",
            "augmentation",
            low=0,
            high=8,
            step=1,
        ),
    ] = 0
    crop: Annotated[
        float,
        Knob(
            "Crop",
            "Cut up to this share off each training image's sides and enlarge the rest.",
            "augmentation",
            low=0.0,
            high=0.5,
            step=0.05,
        ),
    ] = 0.0

    @property
    def dtype(self) -> str:
        """Automatic precision is float32 where two or three features are drawn as they are, which
        bfloat16's eight bits would lay on a grid."""
        drawn = self.precision == "auto" and self.embedding <= DRAWN
        return "float32" if drawn else super().dtype

    @property
    def numbers(self) -> int:
        """3 since batch norm is trained by a fused kernel."""
        return 3 if self.batch_norm else super().numbers


def trunk(spec: CnnSpec) -> list[Layer]:
    """From normalised pixels to the features: the blocks and the last hidden layer."""
    found = []
    # LeNet++ (Wen et al., ECCV 2016, table 1) has kernels of 5; with width 32, depth 3, PReLU and
    # an embedding of 2 it is the paper's.
    side = 5 if spec.model == "lenet" else 3
    for block in range(1, spec.depth + 1):
        convolution = {
            "filters": spec.width * 2 ** (block - 1),
            "kernel_size": side,
            "padding": "same",
            **bias(not spec.batch_norm),
        }
        for suffix in ("",) if spec.model == "simple" else ("a", "b"):
            found.append(Layer(f"block{block}_conv{suffix}", "Conv2D", convolution))
            if spec.batch_norm:
                norm = f"block{block}_norm{suffix}"
                found.append(Layer(norm, "BatchNormalization", {"momentum": 0.9}))
            found.append(_activation(spec, f"block{block}_activation{suffix}"))
        pool = {"pool_size": 2, "padding": "same"}
        found.append(Layer(f"block{block}_pool", "MaxPooling2D", pool))
    found.append(Layer("flatten", "Flatten"))
    if spec.dropout:
        found.append(Layer("dropout", "Dropout", {"rate": spec.dropout}))
    # PReLU is for convolutions: features are linear beside it, as in the paper.
    linear = spec.linear_embedding or spec.activation == "prelu"
    features = {"units": spec.embedding} | ({} if linear else {"activation": spec.activation})
    return [*found, Layer("features", "Dense", features)]


FLOAT = {"dtype": "float32"}  # what is not left to the spec's precision
NORMALISE = Layer(
    "normalise",
    "Normalization",
    {"axis": (1, 2, 3), "mean": Given("mean"), "variance": Given("variance"), **FLOAT},
)


def bias(used: bool) -> dict[str, Any]:
    return {} if used else {"use_bias": False}


def _activation(spec: CnnSpec, name: str) -> Layer:
    if spec.activation != "prelu":
        return Layer(name, "Activation", {"activation": spec.activation})
    start = Constant(0.25)  # as He et al., ICCV 2015
    return Layer(name, "PReLU", {"alpha_initializer": start, "shared_axes": (1, 2)})
