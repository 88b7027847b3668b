"""Which precision "auto" is: by the processor, the network's size and what is drawn of it."""

from pathlib import Path

import numpy as np
import pytest

from playground import RunSpec, models, precision, train
from playground.training.events import Evaluated, Progress, Snapshot

CPUS = {  # /proc/cpuinfo of processors, shortened to the flags in question
    "Zen 4": ("avx512f avx512_bf16 clzero", True),
    "Sapphire Rapids": ("avx512f amx_bf16 amx_tile avx512_fp16", True),
    "Skylake X": ("avx512f avx512bw", False),
    "a name that only contains it": ("not_avx512_bf16x", False),
}


@pytest.mark.parametrize("name", CPUS)
def test_the_unit_is_found_by_the_name_that_linux_has_for_it(name: str, tmp_path: Path) -> None:
    flags, has = CPUS[name]
    told = tmp_path / "cpuinfo"
    told.write_text(f"processor\t: 0\nmodel name\t: {name}\nflags\t\t: fpu {flags}\nbugs\t\t:\n")
    assert precision.has_bfloat16(told) == has


def test_where_the_system_does_not_say_there_is_none(tmp_path: Path) -> None:
    assert not precision.has_bfloat16(tmp_path / "nothing")


def test_multiply_adds_are_those_counted_by_hand() -> None:
    spec = RunSpec(dataset="digits", width=4, depth=1, embedding=16, logits_bias=False)
    convolution, features, logits = 8 * 8 * (9 * 4 + 4), 4 * 4 * 4 * 16 + 16, 16 * 10
    assert models.plan(spec).multiply_adds == convolution + features + logits


def test_auto_is_bfloat16_for_large_networks_where_there_is_the_unit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    large, small = (RunSpec(dataset=name, precision="auto") for name in ("cifar10", "digits"))
    plane = large.model_copy(update={"embedding": 2})
    for has, of_large in ((True, "mixed_bfloat16"), (False, "float32")):
        monkeypatch.setattr(precision, "has_bfloat16", lambda has=has: has)
        assert [each.dtype for each in (large, small, plane)] == [of_large, "float32", "float32"]
        assert models.plan(large).dtype == of_large
        chosen = RunSpec(dataset="cifar10", precision=of_large)
        assert large.digest == chosen.digest  # the same numbers, so the same run
        assert chosen.dtype == of_large
    assert RunSpec().digest == "a0f4f49716abe61a"  # the first version's


@pytest.mark.parametrize("batch_norm", [False, True])
def test_bfloat16_gives_the_same_bits_twice(batch_norm: bool) -> None:
    spec = RunSpec(
        dataset="digits", train_images=300, width=8, embedding=8, epochs=1, batch_size=64,
        batch_norm=batch_norm, dropout=0.2, precision="mixed_bfloat16",
    )  # fmt: skip
    one, other = (_bits(spec) for _ in range(2))
    assert one == other


def _bits(spec: RunSpec) -> list[bytes]:
    """The curve, every evaluation and the last weights: reports are cut by the clock."""
    events = list(train(spec))
    curve = np.concatenate([each.series["loss"] for each in events if isinstance(each, Progress)])
    said = [repr(each.metrics) for each in events if isinstance(each, Evaluated)]
    weights = [each.arrays for each in events if isinstance(each, Snapshot)][-1]
    arrays = [np.ascontiguousarray(weights[name]).tobytes() for name in sorted(weights)]
    return [curve.tobytes(), *(each.encode() for each in said), *arrays]
