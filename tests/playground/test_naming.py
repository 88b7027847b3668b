"""What a pasted text is called, and names that stay different when they are cut."""

import ast
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as some

import losses
from playground import naming

DEF = """def earth_mover(y_true, y_pred):
    d = cumsum(y_true - y_pred, axis=-1)
    return sum(abs(d), axis=-1)"""
FACTORY = """def focal(gamma=2.0):
    def loss(y_true, y_pred):
        return -p_true
    return loss
"""
CURVE = "-(1 - p_true)**gamma * log(p_true)"
SUM = "earth_mover(y_true, y_pred) + center()"


@pytest.mark.parametrize(
    "text, said",
    [
        ("categorical_crossentropy", "categorical_crossentropy"),
        ("-sum(y_true * log(y_pred), axis=-1)", "-sum(y_true * log(y_pred), axis=-1)"),
        (f"gamma = 2.0  # 0..5\n{CURVE}", CURVE),
        (DEF, "earth_mover"),
        (f"import keras\n\n{DEF}\n", "earth_mover"),
        (f"@keras.saving.register_keras_serializable()\n{DEF}", "earth_mover"),
        (f"{DEF}\n\nearth_mover", "earth_mover"),
        (f"{DEF}\nloss = earth_mover(y_true, y_pred)", "earth_mover"),
        (f"{DEF}\n{SUM}", SUM),
        (f"{FACTORY}\nfocal(gamma=1.5)", "focal"),
        (FACTORY, "focal"),
        (f"{DEF}\n{FACTORY}", "focal"),
        ("my_loss = lambda y_true, y_pred: -p_true", "my_loss"),
        ("# My loss\n-log(p_true)", "My loss"),
        ("#\n-log(p_true)", "-log(p_true)"),
        ("    def inner(y_true, y_pred):\n        return p_true\n", "inner"),
        ("return -log(p_true)", "-log(p_true)"),
    ],
)
def test_a_text_is_called_by_its_function(text: str, said: str) -> None:
    assert naming.name(text) == said


@given(some.text(max_size=200))
def test_any_text_has_a_name(text: str) -> None:
    assert naming.name(text)


def test_the_part_that_differs_stays() -> None:
    long = "symmetric_cross_entropy_with_temperature"
    assert naming.distinct([f"{long}_2", f"{long}_10", "huber"], 20) == [
        "…_with_temperature_2",
        "…with_temperature_10",
        "huber",
    ]
    assert naming.distinct(["same", "same"], 10) == ["same", "same"]


@given(some.lists(some.text("ab _*", min_size=1, max_size=60), max_size=6))
def test_cut_names_are_within_bounds(names: list[str]) -> None:
    assert all(len(each) <= 20 for each in naming.distinct(names, 20))


def test_a_run_has_the_title_of_its_loss_that_the_picker_has():
    catalog = {info.name: info.title for info in losses.catalog()}
    assert naming.loss_titles() == catalog
    assert naming.loss_name("categorical_crossentropy") == "Cross-entropy"
    assert naming.loss_name(DEF) == "earth_mover"


def test_a_crowd_that_asks_at_once_reads_the_titles_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parsing in several threads fails now and then in Python 3.11."""
    under_way, most, parse = [0], [0], ast.parse

    def slowly(text: str) -> ast.Module:
        under_way[0] += 1
        most[0] = max(most[0], under_way[0])
        time.sleep(0.002)
        found = parse(text)
        under_way[0] -= 1
        return found

    naming._loss_titles.cache_clear()
    with monkeypatch.context() as patch, ThreadPoolExecutor(8) as crowd:
        patch.setattr(naming.ast, "parse", slowly)
        found = list(crowd.map(lambda _: naming.loss_titles(), range(8)))
    assert most == [1] and all(each == found[0] for each in found) and len(found[0]) > 20
