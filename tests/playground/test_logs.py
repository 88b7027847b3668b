"""The log: lines of JSON, and nothing of what visitors typed."""

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from playground import logs
from playground.errors import SpecError

ROOT = Path(__file__).resolve().parents[2]
TYPED = "secret_text * log(p)"


def line(record: logging.LogRecord, texts: bool = False) -> dict[str, object]:
    found: dict[str, object] = json.loads(logs.Lines(texts).format(record))
    return found


def record_of(*args: object, said: str = "Refused: %s", exc_info: object = None):
    return logging.LogRecord("playground.x", logging.WARNING, "x.py", 1, said, args, exc_info)


def raised() -> tuple:
    try:
        raise SpecError("loss", f"what is {TYPED}?")
    except SpecError:
        return sys.exc_info()


def test_an_event_has_its_facts(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "playground"):
        logs.tell("run ended", run="abc", step=3, what="x")
    found = line(caplog.records[0])
    assert found.pop("time").endswith("+00:00")
    assert found == {
        "level": "info", "from": "playground.events", "said": "run ended", "run": "abc",
        "step": 3, "what": "x",
    }  # fmt: skip


def test_the_words_of_an_exception_are_left_out_unless_asked_for() -> None:
    error = raised()[1]
    found = line(record_of(error, exc_info=raised()))
    assert found["said"] == "Refused: SpecError" and TYPED not in json.dumps(found)
    assert found["error"]["kind"] == "SpecError" and "test_logs.py" in found["error"]["where"][0]
    found = line(record_of(error, exc_info=raised()), texts=True)
    assert TYPED in found["said"] and TYPED in found["error"]["words"]


@pytest.mark.parametrize(
    ("said", "args", "expected"),
    [
        ("100% plain", (), "100% plain"),
        ("two\nlines %d", (3,), "two\nlines 3"),
        ("%(name)s", ({"name": "Wörter"},), "Wörter"),
    ],
)
def test_a_sentence_stays_one_line(said: str, args: tuple, expected: str) -> None:
    text = logs.Lines().format(record_of(*args, said=said))
    assert "\n" not in text and json.loads(text)["said"] == expected


def test_a_visitor_is_always_the_same_and_never_the_token() -> None:
    token = "v" * 24
    assert logs.who(token) == logs.who(token) != logs.who("w" * 24)
    assert token not in logs.who(token) and len(logs.who(token)) == 10


SCRIPT = """
import logging, sys
import streamlit.logger
from playground import logs
from playground.settings import Settings
silent = logging.getLogger("uvicorn.access")
silent.propagate = False  # as uvicorn does it
silent.setLevel(logging.INFO)
theirs = streamlit.logger.get_logger("streamlit.web")
logs.configure(Settings(log=sys.argv[1]))
theirs.info("information of theirs")
theirs.warning("theirs")
logging.getLogger("playground.runs").warning("ours")
silent.info("GET /?loss=what_somebody_typed")
logs.tell("run ended", run="abc")
"""


@pytest.mark.parametrize("kind", ["json", "text"])
def test_all_lines_of_the_process_are_of_the_kind_that_is_set(kind: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, kind], cwd=ROOT, capture_output=True, text=True, check=True
    )
    lines = done.stderr.splitlines()
    if kind == "json":
        assert [json.loads(each)["said"] for each in lines] == [
            "information of theirs", "theirs", "ours", "run ended",
        ]  # fmt: skip
    else:
        assert len(lines) == 3 and lines[-1] == "ours" and "abc" not in done.stderr
