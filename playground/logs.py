"""The server's log: as Python writes it, or (PLAYGROUND_LOG=json) one JSON object a line.

A line has the time (UTC), the level, which module says it, the sentence, and facts by name, such as
`run` and `visitor`. Of visitors it tells a short hash of who they are and no text: what somebody
typed may be in the words of an exception, so of one its kind and where it was raised are told, and
its words with PLAYGROUND_LOG_TEXTS alone.
"""

import hashlib
import json
import logging
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from playground.settings import Settings

_FACTS = "playground_facts"
_OURS = ("playground", "pages", "losses")
_events = logging.getLogger("playground.events")


def tell(what: str, /, **facts: Any) -> None:
    """Writes an event with its facts, plain values; nothing where the log is text, which has
    warnings and errors alone."""
    _events.info(what, extra={_FACTS: facts})


def who(visitor: str) -> str:
    """A visitor in a log: always the same ten digits, from which nobody can steer that visitor's
    runs."""
    return hashlib.sha256(visitor.encode()).hexdigest()[:10]


def configure(settings: Settings) -> None:
    """Lets all that is logged from now on be as the settings say, Streamlit's and the server's own
    lines, too, as far as they are loaded."""
    if settings.log != "json":
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines(settings.log_texts))
    known = [logging.getLogger(name) for name in (*logging.root.manager.loggerDict, *_OURS)]
    for logger in known:
        if logger.handlers:  # one without, that hands nothing on, has been silenced: of requests
            logger.handlers, logger.propagate = [], True
    logging.root.handlers = [handler]
    logging.root.setLevel(logging.WARNING)
    for name in _OURS:
        logging.getLogger(name).setLevel(logging.INFO)


class Lines(logging.Formatter):
    """Records as lines of JSON; with `texts` the words of exceptions, too."""

    def __init__(self, texts: bool = False) -> None:
        super().__init__()
        self._texts = texts

    def format(self, record: logging.LogRecord) -> str:
        """One line, without its end."""
        facts: Mapping[str, Any] = getattr(record, _FACTS, {})
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "from": record.name,
            "said": self._said(record),
            **facts,
        }
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = self._error(record.exc_info[1])
        return json.dumps(line, ensure_ascii=False, default=str)

    def _said(self, record: logging.LogRecord) -> str:
        """The sentence; of an exception within it the kind alone."""
        if self._texts or not isinstance(record.args, tuple):
            return record.getMessage()
        plain = [
            type(arg).__name__ if isinstance(arg, BaseException) else arg for arg in record.args
        ]
        return str(record.msg) % tuple(plain) if plain else str(record.msg)

    def _error(self, error: BaseException) -> dict[str, Any]:
        where = [
            f"{frame.filename}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(error.__traceback__)
        ]
        found = {"kind": type(error).__name__, "where": where}
        return {**found, "words": str(error)} if self._texts else found
