"""How much of the disk is left, and what is no longer kept on it, so that it never fills up under a
run: first no new runs begin and no weights are kept, then no checkpoints either; what every step
and evaluation measures is recorded to the last."""

import shutil

from playground.errors import RunError, StoreError
from playground.runs.files import file_error
from playground.settings import Settings
from playground.training import checkpoint
from playground.training.events import Event, Snapshot

LAST = 0.25  # of the room that must be free is for what is measured alone


class Disk:
    """The disk of PLAYGROUND_HOME. Where the store is in a server and its files in a bucket there
    is nothing to watch."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._least = settings.free_gib * 2**30
        elsewhere = settings.store_url and not settings.store_url.startswith("sqlite")
        self._files = not settings.files_url
        self._watched = self._files or not elsewhere

    def free(self) -> int:
        """Bytes that are free. Raises StoreError where nobody can tell."""
        try:
            return shutil.disk_usage(self._settings.home).free
        except OSError as error:
            raise file_error(error, self._settings.home) from error

    def low(self) -> bool:
        """Whether less is free than must be."""
        try:
            return self._watched and self.free() < self._least
        except StoreError:
            return False  # who writes there says what is wrong

    @property
    def waits(self) -> str:
        """What runs wait for while it is low, in words; else empty."""
        return "room on the server's disk" if self.low() else ""

    def check(self) -> None:
        """Raises RunError where no run may begin."""
        if self.low():
            raise RunError(
                f"The disk of this server is nearly full: {self.free() / 2**30:.2g} GiB are free, "
                f"and {self._settings.free_gib:g} must be for a new run.",
                "Delete runs of yours that you no longer need, or ask whoever runs this server. "
                "Runs that train go on.",
            )

    def leaves_out(self, event: Event) -> bool:
        """Whether something that a run sends is not kept: weights while the disk is low,
        checkpoints when it is nearly at its end."""
        if not isinstance(event, Snapshot) or not self._files or not self.low():
            return False
        return event.kind != checkpoint.KIND or self.free() < LAST * self._least
