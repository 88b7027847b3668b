"""Random streams: each its own, and those of the first version as they were."""

import numpy as np

from playground.spec import RunSpec
from playground.streams import number, stream


def test_the_streams_of_the_first_version_are_what_they_were() -> None:
    for name, more, entropy in (
        ("split", (), [5]),
        ("samples", (), [5, 1]),
        ("shuffle", (3,), [5, 2, 3]),
        ("label noise", (), [5, 3]),
        ("training sample", (), [5, 4]),
        ("block1_conv", (), [5, *b"block1_conv"]),
    ):
        expected = np.random.default_rng(entropy).random(4)
        np.testing.assert_array_equal(stream(5, name, *more).random(4), expected)


def test_no_two_streams_share_their_draws() -> None:
    named = ["split", "samples", "label noise", "training sample", "mixup", "class centres"]
    draws = [tuple(stream(5, name).random(3)) for name in named]
    draws += [tuple(stream(5, "shuffle", epoch).random(3)) for epoch in range(3)]
    assert len(set(draws)) == len(draws)
    assert number(5, "mixup") != number(6, "mixup") != number(6, "other")


def test_runs_whose_numbers_were_moved_have_other_digests_and_only_those() -> None:
    moved = [{"mixup": 0.2}, {"loss": "cross_entropy() + center()"}, {"metrics": ("center",)}]
    assert [RunSpec(**fields).numbers for fields in moved] == [2, 2, 2]
    normed = [{"batch_norm": True}, {"batch_norm": True, "mixup": 0.2}, {"dataset": "cifar10"}]
    assert [RunSpec(**fields).numbers for fields in normed] == [3, 3, 3]
    assert RunSpec(label_noise=0.2, flip=True, metrics=("brier",)).numbers == 1
