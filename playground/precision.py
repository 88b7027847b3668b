"""What the precision "auto" is, on this machine and for a network of this size."""

from functools import cache
from pathlib import Path

# From so many multiply-adds an image, mixed bfloat16 gains more than its casts cost
# (`tests/benchmarks/precision.py`).
WORTH_IT = 500_000
UNITS = ("avx512_bf16", "amx_bf16")  # as Linux names what multiplies bfloat16 in one instruction


@cache
def has_bfloat16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether the processor multiplies bfloat16. False where the system does not say: without the
    unit, bfloat16 is slower than float32."""
    try:
        lines = cpuinfo.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return False
    flags = next((line.split(":", 1)[1] for line in lines if line.startswith("flags")), "")
    return not set(UNITS).isdisjoint(flags.split())


def automatic(multiply_adds: int) -> str:
    """Keras' dtype policy that is the faster one here for a network of so many an image."""
    return "mixed_bfloat16" if multiply_adds >= WORTH_IT and has_bfloat16() else "float32"
