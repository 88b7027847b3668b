"""What can be learned: one file a task, listed here."""

from playground.tasks import classification
from playground.tasks.task import Measure, Task

__all__ = ["TASKS", "Measure", "Task"]

TASKS: dict[str, Task] = {module.TASK.name: module.TASK for module in (classification,)}
