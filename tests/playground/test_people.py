"""Who somebody is by what a provider says of them, and what that lets them do."""

from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from pages.live.headers import TOKEN
from playground.errors import SettingError
from playground.people import Person, check_login, person_of
from playground.runs.records import TERMINAL, RunRecord
from playground.settings import Settings

TOLD = {"is_logged_in": True, "iss": "https://id.example", "sub": "1", "name": "Ada"}
TEACHER = {**TOLD, "sub": "2", "email": "Teacher@School.example", "email_verified": True}
OPEN = Settings(
    login="offered", teachers="teacher@school.example, other@x", teacher_claim="groups=staff"
)


def _owned(owner: str) -> RunRecord:
    found = object.__new__(RunRecord)
    object.__setattr__(found, "owner", owner)
    return found


def test_one_account_is_one_person_and_no_other() -> None:
    here, there = (person_of(TOLD, token, OPEN) for token in ("a" * 32, "b" * 32))
    assert here == there and here.known and here.name == "Ada" and here.role == "visitor"
    for other in ({"sub": "2"}, {"iss": "https://other.example"}):
        assert person_of({**TOLD, **other}, "a" * 32, OPEN).owner != here.owner


def test_no_token_of_a_browser_is_an_account() -> None:
    assert not TOKEN.fullmatch(person_of(TOLD, "a" * 32, OPEN).owner)


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {**TEACHER, "is_logged_in": False},
        {**TEACHER, "is_logged_in": "true"},
        {**TEACHER, "sub": ""},
        {key: value for key, value in TEACHER.items() if key != "is_logged_in"},
    ],
)
def test_who_has_not_logged_in_is_nobody_but_a_browser(claims: dict[str, Any]) -> None:
    assert person_of(claims, "a" * 32, OPEN) == Person("a" * 32)


def test_without_a_login_nobody_is_anybody() -> None:
    closed = OPEN.model_copy(update={"login": "off"})
    assert person_of(TEACHER, "a" * 32, closed) == Person("a" * 32)


@pytest.mark.parametrize(
    ("claims", "teaches"),
    [
        ({}, True),
        ({"email_verified": False}, False),
        ({"email_verified": "true"}, False),
        ({"email": "teacher@school.example.evil"}, False),
        ({"email": ""}, False),
        ({"email": None}, False),
        ({"email": "x", "groups": ["staff", "all"]}, True),
        ({"email": "x", "groups": "staff"}, True),
        ({"email": "x", "groups": ["staffers"]}, False),
        ({"email": "x", "groups": None}, False),
        ({"email": "x", "role": "staff"}, False),
    ],
)
def test_who_is_a_teacher(claims: dict[str, Any], teaches: bool) -> None:
    assert person_of({**TEACHER, **claims}, "a" * 32, OPEN).teaches is teaches


def test_nobody_teaches_where_nothing_says_who_does() -> None:
    plain = Settings(login="required")
    for claims in ({}, {"email": ""}, {"email": "None"}, {"": ""}):
        assert not person_of({**TEACHER, **claims}, "a" * 32, plain).teaches


@given(st.sampled_from(["stop", "pause", "resume", "step", "change"]), st.booleans())
def test_a_teacher_may_stop_any_run_and_nothing_else(do: str, teaches: bool) -> None:
    somebody = Person("me", "teacher" if teaches else "visitor")
    assert somebody.acts_as(_owned("me"), do) == "me"
    assert somebody.acts_as(_owned(TERMINAL), do) == "me"
    assert somebody.acts_as(_owned("you"), do) == ("you" if teaches and do == "stop" else "me")


@pytest.mark.parametrize(
    ("changes", "configured", "said"),
    [
        ({"login": "required"}, False, "knows no provider"),
        ({"login": "offered", "teacher_claim": "staff"}, True, "name=value"),
        ({"login": "offered", "teacher_claim": "=staff"}, True, "name=value"),
        ({"login": "offered", "teacher_claim": "groups=staff"}, True, ""),
        ({}, False, ""),
    ],
)
def test_what_cannot_work_is_said_at_the_start(changes: dict, configured: bool, said: str) -> None:
    if not said:
        return check_login(Settings(**changes), configured)
    with pytest.raises(SettingError) as caught:
        check_login(Settings(**changes), configured)
    assert said in f"{caught.value} {caught.value.hint}"
