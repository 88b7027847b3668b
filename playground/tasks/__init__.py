"""What can be learned: one file a task, listed here."""

from playground.tasks import autoencoder, classification, detection, incremental, siamese
from playground.tasks.inputs import Input, known
from playground.tasks.task import Head, Measure, Sight, Task

__all__ = ["TASKS", "Head", "Input", "Measure", "Sight", "Task", "known"]

TASKS: dict[str, Task] = {
    module.TASK.name: module.TASK
    for module in (classification, siamese, autoencoder, incremental, detection)
}
