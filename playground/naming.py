"""What a loss or a metric is called where there is no room for its text; and run names that differ,
cut so that the part that differs stays."""

import ast
import re
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from textwrap import dedent

from playground.knobs import is_name

_DEFINED = re.compile(r"(?:def|class)\s+(\w+)\s*[(:]|(\w+)\s*=\s*lambda\b")
# A crowd that comes to a new server asks at once, and in Python 3.11 parsing in several threads
# fails now and then (https://github.com/python/cpython/issues/106905).
_reading = threading.Lock()
_CALLED = re.compile(r"(?:return\s+|\w+\s*=\s*)?(\w+)(?:\([^()]*\))?")


def loss_name(text: str) -> str:
    """What a run's loss is called: a named one by its title, a written one by `name`."""
    return loss_titles().get(text) or name(text)


def loss_titles() -> Mapping[str, str]:
    """The titles of the named losses, by name. They are read off the declarations, as text: the
    server does not import `losses`, and a run has one name from before a worker is warm until long
    after."""
    with _reading:
        return _loss_titles()


@cache
def _loss_titles() -> Mapping[str, str]:
    found = {}
    for path in sorted((Path(__file__).parents[1] / "losses").glob("*.py")):
        for node in ast.parse(path.read_text("utf-8")).body:
            if not isinstance(node, ast.FunctionDef):
                continue
            for each in node.decorator_list:
                if isinstance(each, ast.Call) and ast.unparse(each.func) == "named":
                    given = {keyword.arg: keyword.value for keyword in each.keywords}
                    found[node.name] = str(ast.literal_eval(given["title"]))
    return found


def name(text: str) -> str:
    """A name or a text in a few words: the comment it begins with, the function that it defines
    and ends with, or its last line."""
    if is_name(text):
        return text
    first = text.strip().partition("\n")[0].strip()
    if first.startswith("#") and first.strip("# "):
        return first.strip("# ")
    lines = code_lines(text)
    outer = [line for line in lines if not line[:1].isspace()]
    defined = [found[1] or found[2] for line in outer if (found := _DEFINED.match(line))]
    if defined:
        last = _CALLED.fullmatch(outer[-1])
        if _DEFINED.match(outer[-1]):
            return defined[-1]
        if last is not None and last[1] in defined:
            return last[1]
    return lines[-1].strip().removeprefix("return ") if lines else "written"


def code_lines(text: str) -> list[str]:
    """The lines of a text without comments and blank ones, indented as they are."""
    lines = [line.split("#")[0].rstrip() for line in dedent(text.expandtabs()).splitlines()]
    return [line for line in lines if line.strip()]


def words(text: str) -> set[str]:
    """The names in the code of a text."""
    return set(re.findall(r"[A-Za-z_]\w*", " ".join(code_lines(text))))


def cut(text: str, most: int) -> str:
    """A text on one line of at most so many characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"


def distinct(names: Sequence[str], most: int) -> list[str]:
    """Names of at most so many characters each. Of different ones that would be cut to the same,
    what they begin with alike makes room for the part that differs."""
    found = [cut(each, most) for each in names]
    shown = list(found)
    for place, each in enumerate(names):
        others = {other for other, short in zip(names, found, strict=True) if short == found[place]}
        if len(others) > 1:
            same = min(_shared(each, other) for other in others - {each})
            start = max(0, min(same, len(each) - most + 1))
            shown[place] = cut(f"…{each[start:]}", most)
    return shown


def _shared(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count
