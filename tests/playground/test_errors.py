"""What visitors are told names no place of the server; who runs it is told all."""

import re
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given

from losses import LossError
from playground import errors
from playground.errors import DataError, SettingError, StoreError, WorkerError, without_paths
from playground.settings import settings
from playground.spec import RunSpec

HOME = str(Path.home())
parts = st.lists(st.from_regex(r"secret[a-z0-9_-]{1,9}", fullmatch=True), min_size=1, max_size=5)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/srv/alice/playground.sqlite is damaged.", "…/playground.sqlite is damaged."),
        ("Put it into /srv/data/, or elsewhere.", "Put it into …/data/, or elsewhere."),
        (r"C:\\Users\\jo\\store.sqlite cannot be read.", None),
        (f"{HOME}/.keras/datasets/mnist.npz is cut.", "~/.keras/datasets/mnist.npz is cut."),
        (f"{HOME}/.loss-playground/runs cannot be used", "~/.loss-playground/runs cannot be used"),
        (f"{HOME}/thesis/secret.npz is cut.", "…/secret.npz is cut."),
        ('File "/usr/lib/python3/x.py", line 3', 'File "…/x.py", line 3'),
        ("Use sqlite:///<file>, or https://host/one/two.", None),
        ("12/34 of train/test at 1 / 2 went.", None),
        ("No module named 'tensorflow'", None),
    ],
)
def test_of_a_path_only_its_end_is_shown(text: str, shown: str | None) -> None:
    if text.startswith("C:"):
        assert without_paths(text.replace("\\\\", "\\")) == "…/store.sqlite cannot be read."
    else:
        assert without_paths(text) == (text if shown is None else shown)


@given(parts, st.sampled_from(["", " is damaged.", ": No such file or directory", "'", ")"]))
def test_no_folder_is_left(folders: list[str], after: str) -> None:
    text = f"Reading ('/{'/'.join(folders)}/x.npz{after}"
    assert "secret" not in without_paths(text)


@pytest.mark.parametrize("kind", [DataError, StoreError, SettingError, WorkerError])
def test_who_runs_the_program_is_told_all(kind: type[errors.PlaygroundError]) -> None:
    error = kind("/srv/data/x.npz is cut.", "Put it into /srv/data again.")
    assert (error.message, error.hint) == ("…/x.npz is cut.", "Put it into …/data again.")
    assert (str(error), error.operator_hint) == (
        "/srv/data/x.npz is cut.",
        "Put it into /srv/data again.",
    )


def test_a_setting_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAYGROUND_WORKERS", "many")
    monkeypatch.setenv("PLAYGROUND_RUN_MINUTES", "0")
    with pytest.raises(SettingError) as caught:
        settings.__wrapped__()
    assert str(caught.value) == (
        "PLAYGROUND_WORKERS cannot be 'many': should be a valid integer, unable to parse string as "
        "an integer. PLAYGROUND_RUN_MINUTES cannot be '0': should be greater than 0."
    )
    assert "unset it" in caught.value.hint


@pytest.mark.parametrize("loss", ["log(", "no_such_loss", "mean(teacher_logits)"])
def test_a_refused_loss_is_one_of_ours_with_its_place(loss: str) -> None:
    from playground.training.objective import build

    with pytest.raises(errors.PlaygroundError) as caught:
        build(RunSpec(loss=loss))
    assert isinstance(caught.value, LossError) and caught.value.hint
    assert str(caught.value) == str(caught.value.__cause__)


def test_every_error_stands_in_the_tree_that_is_drawn() -> None:
    """What `playground.errors` draws is what there is, the one of the ground floor among it."""
    import playground.intake.asking
    import playground.runs.client
    import playground.runs.rates
    import playground.training.objective

    assert issubclass(playground.runs.client.Superseded, errors.WorkerError)

    def below(kind: type) -> set[str]:
        return {each.__name__ for each in kind.__subclasses__()}.union(
            *(below(each) for each in kind.__subclasses__())
        )

    drawn = set(re.findall(r"── (\w+)", errors.__doc__ or ""))
    assert drawn == {name for name in below(errors.PlaygroundError)}
    assert issubclass(playground.training.objective.RefusedLoss, LossError)
