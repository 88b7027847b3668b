"""Whatever is asked about a network of any task is answered, or told in words."""

import pytest

from playground import analysis
from playground.errors import WorkerError
from playground.questions import LOOKS
from playground.tasks import TASKS
from playground.training.loop import prepare

CHOSEN = {"layer": "features", "unit": 0, "step": 1}


@pytest.mark.parametrize("task", TASKS)
def test_a_look_at_a_network_of_any_task_is_answered_or_refused_in_words(task: str) -> None:
    spec = TASKS[task].Spec(dataset="digits")
    weights = prepare(spec).weights()
    question = {"spec": spec.to_json(), "weights": weights, **CHOSEN}
    asked = [{"what": what} for what in sorted(LOOKS - {"file", "match"})]
    for what in [*asked, {"what": "maps", "layer": "", "unit": -1, "gradients": True}]:
        try:
            assert analysis.answer({**question, **what})
        except WorkerError as error:
            assert error.hint, what
