"""The picture of a network, against sizes and weights counted by hand."""

import pytest

from playground import models
from playground.figures.network import Stage, stages
from playground.layers import Layer, Plan
from playground.spec import RunSpec


def test_a_small_network_by_hand() -> None:
    spec = RunSpec(dataset="mnist", width=8, depth=1, embedding=16, dropout=0.25, batch_norm=True)
    found = stages(models.plan(spec))
    # 3·3·1·8 and 2·8 of batch norm; 14·14·8 numbers and a bias into 16; 16 and a bias into 10
    weights = [0, 72 + 16, 0, (1568 + 1) * 16, 17 * 10]
    assert [stage.weights for stage in found] == weights
    assert [stage.shape for stage in found] == [
        (28, 28, 1), (28, 28, 8), (14, 14, 8), (16,), (10,),
    ]  # fmt: skip
    assert [stage.words for stage in found] == [
        ("normalised",),
        ("convolution 3 × 3", "batch norm", "ReLU"),
        ("max pooling 2 × 2", "dropout 0.25"),
        ("dense", "ReLU"),
        ("dense", "softmax"),
    ]
    assert [stage.name for stage in found][1:] == [
        "block1 conv",
        "block1 pool",
        "features",
        "logits",
    ]
    assert sum(stage.share for stage in found) == pytest.approx(1)
    assert not any(stage.inputs for stage in found)


@pytest.mark.parametrize("dataset", ["mnist", "cifar10", "digits"])
@pytest.mark.parametrize("model", ["simple", "double", "lenet"])
@pytest.mark.parametrize("activation", ["relu", "prelu"])
def test_no_weight_is_left_out(dataset: str, model: str, activation: str) -> None:
    plan = models.plan(RunSpec(dataset=dataset, model=model, activation=activation))
    assert sum(stage.weights for stage in stages(plan)) == plan.parameters


def test_branches_and_shared_layers_say_where_they_come_from() -> None:
    plan = Plan(
        inputs={"left": (8, 8, 1), "right": (8, 8, 1)},
        layers=(
            Layer("one", "Dense", {"units": 4}, ("left",)),
            Layer("two", "Dense", {"units": 4}, ("right",), of="one"),
            Layer("both", "Concatenate", {}, ("one", "two")),
        ),
        outputs=("both",),
    )
    assert stages(plan)[2:] == [
        Stage("one", ("dense",), (8, 8, 4), 8, 1.0, ("left",)),
        Stage("two", ("dense", "the weights of one"), (8, 8, 4), 0, 0.0, ("right",)),
        Stage("both", ("concatenate",), (8, 8, 8), 0, 0.0, ("one", "two")),
    ]
