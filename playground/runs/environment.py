"""The environment of a worker: what it needs, and nothing that names the store or holds a key."""

import os
from pathlib import Path

from playground.datasets import own
from playground.settings import Settings

ROOT = Path(__file__).resolve().parents[2]  # where `python -m playground.worker` finds our modules

# All that a worker gets of this process' environment: how to find programs, libraries, folders,
# and the way to the internet for a download; nothing that names the store or holds a key.
# fmt: off
_PASSED_ON = [
    "PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV",
    "LANG", "LC_ALL", "LC_CTYPE", "TZ", "HOME", "USER", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT",
    "SYSTEMDRIVE", "WINDIR", "PATHEXT", "COMSPEC", "USERPROFILE", "APPDATA", "LOCALAPPDATA",
    "HOMEDRIVE", "HOMEPATH", "NUMBER_OF_PROCESSORS", "PROCESSOR_ARCHITECTURE", "KERAS_HOME",
    "CUDA_VISIBLE_DEVICES", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy",
    "https_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE",
    "OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS",
]
# fmt: on


def environment(settings: Settings) -> dict[str, str]:
    """The environment of a worker of this machine."""
    return passed_on() | told(settings)


def passed_on() -> dict[str, str]:
    """What a worker gets of the environment of the process that starts it."""
    return {name: os.environ[name] for name in _PASSED_ON if name in os.environ}


def told(settings: Settings) -> dict[str, str]:
    """What a worker is told, wherever it runs."""
    return {
        "PLAYGROUND_DATA": str(settings.data),
        "PLAYGROUND_DOWNLOAD": str(settings.download),
        "PLAYGROUND_UPLOADS": str(own.root(settings)),
        "PLAYGROUND_UPLOAD_DAYS": str(settings.upload_days),
        "PLAYGROUND_WORKER_MEMORY_GIB": str(settings.worker_memory_gib),
        "PLAYGROUND_WORKER_CORES": str(settings.worker_cores),
        "KERAS_BACKEND": "tensorflow",
        "TF_CPP_MIN_LOG_LEVEL": "2",
        # glibc reserves 64 MiB of address space for each thread's arena, which would count.
        "MALLOC_ARENA_MAX": "2",
        "PYTHONIOENCODING": "utf-8",
    }
