"""What can be learned: one file a task, listed here."""

from typing import Any

from playground.tasks import classification

TASKS: dict[str, Any] = {module.TASK.name: module.TASK for module in (classification,)}
