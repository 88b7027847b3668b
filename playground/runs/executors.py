"""Which executor there is, by the settings."""

from collections.abc import Sequence

from playground.runs.executor import Executor, Listener
from playground.runs.local_executor import LocalExecutor
from playground.runs.ray_executor import RayExecutor
from playground.settings import Settings


def make_executor(
    settings: Settings,
    role: str,
    count: int,
    listener: Listener,
    command: Sequence[str],
    warm: int | None = None,
) -> Executor:
    """The executor for workers of a role: on Ray where the settings say so."""
    if settings.executor == "ray" and role in settings.ray_roles.split(","):
        return RayExecutor(settings, role, count, listener, command, warm)
    return LocalExecutor(settings, role, count, listener, command, warm)
