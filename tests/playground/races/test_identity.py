"""The hashes that runs record are of what they are really trained with."""

import hashlib

import numpy as np

from playground import datasets
from playground.spec import RunSpec
from playground.training import identity
from playground.training.control import Control
from playground.training.loop import Training

SMALL = {"dataset": "digits", "train_images": 200, "width": 2, "embedding": 8, "epochs": 2}


def build(**changes: object) -> Training:
    return Training(RunSpec(**{**SMALL, **changes}), datasets.load("digits"))


def test_two_losses_have_all_in_common_and_another_seed_or_batch_size_has_not() -> None:
    first, second = identity.of(build()), identity.of(build(loss="gce"))
    assert first == second
    other = identity.of(build(seed=1))
    assert {name for name in first if first[name] != other[name]} >= {"weights", "images", "order"}
    larger = identity.of(build(batch_size=16))
    assert {name for name in first if first[name] == larger[name]} == {"weights", "images"}


def test_the_order_is_what_the_steps_are_given_and_the_weights_are_the_first() -> None:
    training = build()
    fed: list[np.ndarray] = []
    train = training.graph.train
    training.graph.train = lambda rows, *rest: (fed.append(np.array(rows)), train(rows, *rest))[1]
    told = training.started().identity
    list(training.events(Control()))
    order = np.concatenate(fed).reshape(2, training.steps_per_epoch, training.batch)
    digest = hashlib.sha256()
    for epoch in order.astype(np.int32):
        digest.update(f"{epoch.dtype} {epoch.shape}".encode())
        digest.update(np.ascontiguousarray(epoch).data)
    assert told["order"] == digest.hexdigest()[: identity.DIGITS]
    assert told["weights"] == identity.of(build())["weights"]
    assert identity.of(training)["weights"] != told["weights"]
