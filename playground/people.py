"""Who somebody is, and what that lets them do.

Without PLAYGROUND_LOGIN all are anonymous visitors, told apart by a random token. With it Streamlit
asks a provider (OpenID Connect), signs what that says into a cookie of its own and gives it to the
page; nothing that a browser sends otherwise, no link and no route, makes anybody somebody. A
visitor sees the runs of their own and those whose links they have, and steers their own. A teacher
sees all, may stop any and pins lessons for everybody.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from playground.errors import SettingError
from playground.runs.records import TERMINAL, RunRecord
from playground.settings import Settings

ACCOUNT = "account:"  # how the owners begin who have logged in; no token has a colon in it
Role = Literal["visitor", "teacher"]


@dataclass(frozen=True)
class Person:
    """Somebody who looks at a page. `owner` is what their runs are kept under; `name` is what the
    provider calls them, "" of who is anonymous."""

    owner: str
    role: Role = "visitor"
    name: str = ""
    known: bool = False  # has logged in

    @property
    def teaches(self) -> bool:
        """Whether they see all runs, may stop any and may pin lessons."""
        return self.role == "teacher"

    def acts_as(self, record: RunRecord, do: str) -> str:
        """The owner in whose name a command to a run is given: their own, who may or may not steer
        it, or, to stop anybody's, a teacher's visitor's. A run of a terminal is stopped there."""
        if self.teaches and do == "stop" and record.owner != TERMINAL:
            return record.owner
        return self.owner


def person_of(claims: Mapping[str, Any], token: str, settings: Settings) -> Person:
    """Who has logged in with these claims, or an anonymous visitor with a browser's token. One
    account is one person in all browsers."""
    subject = claims.get("sub")
    if settings.login == "off" or claims.get("is_logged_in") is not True or not subject:
        return Person(token)
    account = hashlib.sha256(f"{claims.get('iss', '')}\n{subject}".encode()).hexdigest()
    return Person(
        f"{ACCOUNT}{account[:40]}",
        "teacher" if _teaches(claims, settings) else "visitor",
        str(claims.get("name") or claims.get("email") or "")[:80],
        known=True,
    )


def _teaches(claims: Mapping[str, Any], settings: Settings) -> bool:
    """By an address of the list that the provider has verified, or by the claim."""
    listed = {each.strip().casefold() for each in settings.teachers.split(",") if each.strip()}
    email = claims.get("email")
    if claims.get("email_verified") is True and str(email).casefold() in listed:
        return True
    name, equals, wanted = settings.teacher_claim.partition("=")
    if not equals:
        return False
    said = claims.get(name)
    return wanted in ([str(each) for each in said] if isinstance(said, list) else [str(said)])


def check_login(settings: Settings, configured: bool) -> None:
    """Raises SettingError where a login is asked for and Streamlit has no provider `configured`, or
    where there can be no such teacher."""
    if settings.login != "off" and not configured:
        raise SettingError(
            f"PLAYGROUND_LOGIN is {settings.login!r}, but Streamlit knows no provider.",
            "Describe one in .streamlit/secrets.toml under [auth]; the README shows how.",
        )
    if settings.teacher_claim and not all(settings.teacher_claim.partition("=")):
        raise SettingError(
            f"PLAYGROUND_TEACHER_CLAIM cannot be {settings.teacher_claim!r}.",
            "Write it as name=value, such as groups=teachers.",
        )
