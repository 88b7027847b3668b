"""What a link says of the numbers that a run of its settings gives where it was made, and whether
they will be the same here: "made" is four parts with ~ between them.

    the spec's digest (text, settings, seed, `RunSpec.numbers`) ~ that of the data set's files ~
    versions of TensorFlow and Keras ~ a digest of the processor
"""

import hashlib
import platform
import re
from functools import cache
from importlib import metadata
from pathlib import Path

from playground import datasets
from playground.errors import SpecError
from playground.spec import RunSpec

KEY = "made"  # in a link
PACKAGES = {"tensorflow": "TensorFlow", "keras": "Keras"}
_FORM = re.compile(
    r"[0-9a-f]{16}~[0-9a-f]{8}~[A-Za-z0-9.+-]{1,40}_[A-Za-z0-9.+-]{1,40}~[0-9a-f]{8}"
)


def made(spec: RunSpec) -> str:
    """What a link to this spec says."""
    return "~".join([spec.digest, data_digest(spec.dataset), versions(), machine()])


def compared(said: str, spec: RunSpec) -> str:
    """Whether a run of the spec, as the link's settings make it here, will have the numbers that
    it had where the link was made, in a sentence that names the parts that differ. Raises SpecError
    for what no link of ours says."""
    if not _FORM.fullmatch(said):
        raise SpecError(KEY, "expected what a copied link says of its numbers; left out")
    digest, data, there, processor = said.split("~")
    here = versions()
    differing = []
    if digest != spec.digest:
        differing.append("a setting, or how this version trains with it")
    if data != data_digest(spec.dataset):
        differing.append("the files of the data set")
    if there != here:
        differing.append(f"{_named(there)} there, {_named(here)} here")
    if differing:
        return f"The numbers will not be those of the link: {'; '.join(differing)}."
    if processor != machine():
        return (
            "The numbers will be those of the link but for their last digits: settings, seed, data "
            "and versions are the same, the processor is another."
        )
    return (
        "The numbers will be those of the link, bit for bit: settings, seed, data, versions and "
        "processor are the same."
    )


def data_digest(name: str) -> str:
    """8 hexadecimal digits of the published files of a data set; one without files goes by what it
    is made of."""
    source = datasets.source_of(name)
    parts = [f"{each.name} {each.digest}" for each in source.files]
    parts = parts or [f"{source.name} {source.train_count} {source.test_count} {source.shape}"]
    return _short("\n".join(parts))


@cache
def versions() -> str:
    """Those of the packages that compute, with _ between them."""
    return "_".join(metadata.version(name) for name in PACKAGES)


@cache
def machine(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """8 hexadecimal digits of the processor: what it is called, and what it can do."""
    try:
        lines = cpuinfo.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    told = [line for line in lines if line.startswith(("model name", "flags"))][:2]
    return _short("\n".join([platform.machine(), *(told or [platform.processor()])]))


def _named(versions: str) -> str:
    numbers = versions.split("_")
    return " and ".join(f"{n} {v}" for n, v in zip(PACKAGES.values(), numbers, strict=True))


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
