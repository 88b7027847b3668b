"""What the live views ask the server for, beside the page itself."""

import functools
import gzip
import io
import json
import random
from collections import Counter
from typing import Any

import anyio
import anyio.to_thread
import numpy as np
from PIL import Image
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from pages.live import files
from pages.live.feed import (
    LEAST_SECONDS,
    UNKNOWN,
    Feed,
    Viewer,
    encode,
    evaluation_at,
    reading,
    to_json,
    within,
)
from pages.live.headers import visitor_of
from pages.live.hosts import from_own_page
from pages.live.packing import pack
from playground.errors import PlaygroundError, QuestionError
from playground.questions import QUESTIONS, RUN_ID, read
from playground.runs.client import Superseded
from playground.runs.rates import TooOften
from playground.runs.supervisor import service
from playground.settings import settings
from playground.spec import RunSpec

MAX_RUNS = 8  # as many as there are colours for
MAX_BODY = 64 * 1024
KEEP_ALIVE_SECONDS = 15.0
PUBLIC = frozenset(name for name, question in QUESTIONS.items() if question.public)
WORTH_ZIPPING = 16 * 1024  # bytes; less is sent sooner than it is zipped
FOREVER = {"Cache-Control": "public, max-age=31536000, immutable"}

# Threads of their own, so that slow checks never keep a chart waiting. They mostly wait: whose
# question is answered next is said by `playground.runs.turns`, of all that have a thread.
checking = anyio.CapacityLimiter(64)
looking = anyio.CapacityLimiter(64)

EVENTS = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]
STREAM_AGAIN = "15"  # seconds after which a page too many may ask again
AGAIN_MS = (250, 1200)  # after which viewers come back whose stream the server ended
RETRY = b"retry: 1000\n\n"  # milliseconds

feed = Feed(lambda: service().store, service)
streams: Counter[str] = Counter()  # open ones, by visitor


class EventStream(Response):
    """A viewer's Server-Sent Events, until the viewer goes or the server stops."""

    def __init__(self, runs: list[str], visitor: str, first: bytes = b"") -> None:
        """`first` is said before there is news of the `runs`."""
        self.runs = runs
        self.visitor = visitor
        self.first = first
        self.background = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if streams[self.visitor] >= settings().streams_per_visitor:
            said = "too many pages of yours are open; close some of them"
            headers = {**_FRESH, "Retry-After": STREAM_AGAIN}
            await PlainTextResponse(said, 429, headers=headers)(scope, receive, send)
            return
        streams[self.visitor] += 1
        try:
            await send({"type": "http.response.start", "status": 200, "headers": EVENTS})
            async with feed.viewer(self.runs) as viewer, anyio.create_task_group() as tasks:
                tasks.start_soon(self._speak, viewer, send, tasks.cancel_scope)
                while (await receive())["type"] != "http.disconnect":
                    pass
                tasks.cancel_scope.cancel()
        finally:
            streams[self.visitor] -= 1
            if not streams[self.visitor]:
                del streams[self.visitor]

    async def _speak(self, viewer: Viewer, send: Send, scope: anyio.CancelScope) -> None:
        body = RETRY + self.first
        while not feed.closed:
            await send({"type": "http.response.body", "body": body, "more_body": True})
            if body != RETRY:
                await within(LEAST_SECONDS, viewer.awaited)
            await within(KEEP_ALIVE_SECONDS, viewer.ready)
            body = feed.take(viewer) or b": still here\n\n"
        # Not all at once, and soon: a browser asks again after so many milliseconds.
        again = b"retry: %d\n\n" % random.randint(*AGAIN_MS)  # noqa: S311 - no secret
        await send({"type": "http.response.body", "body": again, "more_body": False})
        scope.cancel()


async def stream(request: Request) -> Response:
    """`?runs=<id>,<id>`: what is new of these runs; see `feed` for the messages. Of a run that is
    unknown that is all that is said; with no other it is the end."""
    runs = list(dict.fromkeys(filter(None, request.query_params.get("runs", "").split(","))))
    if not runs or len(runs) > MAX_RUNS or not all(map(RUN_ID.fullmatch, runs)):
        return PlainTextResponse(f"expected runs=<id>,..., at most {MAX_RUNS}", 400)
    if not from_own_page(request):
        return _refused("expected a request from this app's own page", 403)
    if request.method == "HEAD":
        return Response(media_type="text/event-stream")
    known = await anyio.to_thread.run_sync(_known, runs, limiter=reading)
    said = b"".join(
        encode({"run": run, "whole": True, **UNKNOWN}) for run in runs if run not in known
    )
    if not known:
        return Response(RETRY + said, headers=dict(_FRESH), media_type="text/event-stream")
    return EventStream(known, visitor_of(request), said)


def _known(runs: list[str]) -> list[str]:
    """Those of the runs that the store has; all of them while it cannot be read."""
    try:
        return [run for run in runs if service().store.run(run) is not None]
    except PlaygroundError:
        return runs


async def ask(request: Request) -> Response:
    """A public question of `playground.questions` by its name, its fields as a JSON object in: out
    comes the worker's answer, as JSON or by `packing.pack`. Of those that a visitor has waiting
    under one name the newest alone is answered."""
    name = request.path_params["question"]
    asked = await _posted(request)
    if isinstance(asked, Response):
        return asked
    if name == "look":  # a look is named by what it is about
        name = asked.get("what")
    if name == "check" and asked.get("kind") == "metric":
        name = "metric"
    if not isinstance(name, str) or name not in PUBLIC:
        return _refused("there is no such question", 404)
    question, visitor = QUESTIONS[name], visitor_of(request)
    limiter = looking if question.role == "look" else checking
    try:
        fields = read(name, asked)

        def answer() -> bytes:
            found = service().questions.ask(name, visitor, True, **fields)
            return pack(found) if question.packed else to_json(found)

        body = await anyio.to_thread.run_sync(answer, limiter=limiter)
    except Superseded:
        status = 409 if question.packed else 200
        return JSONResponse({"superseded": True}, status, headers=_FRESH)
    except QuestionError as error:
        return _refused(error.message, 413 if error.too_long else 400)
    except TooOften as error:
        return _refused(error.message, 429, after=error.seconds)
    except PlaygroundError as error:
        return _refused(error.message, 503, error.hint)
    if not question.packed:
        return Response(body, media_type="application/json", headers=_FRESH)
    headers = {**_FRESH, "Vary": "Accept-Encoding"}
    if len(body) > WORTH_ZIPPING and "gzip" in request.headers.get("accept-encoding", ""):
        body = await anyio.to_thread.run_sync(lambda: gzip.compress(body, 1))
        headers["Content-Encoding"] = "gzip"
    return Response(body, media_type="application/octet-stream", headers=headers)


async def listed(request: Request) -> Response:
    """A public question whose fields can be left out, such as the glossary, as JSON; its answer is
    the same until the server is restarted."""
    name = request.path_params["question"]
    if name not in PUBLIC or QUESTIONS[name].required:
        return _refused("there is no such question", 404)
    try:
        fields = read(name, request.query_params)
        ask = functools.partial(service().questions.ask, name, **fields)
        found = await anyio.to_thread.run_sync(ask, limiter=checking)
    except QuestionError as error:
        return _refused(error.message, 400)
    except PlaygroundError as error:
        return _refused(error.message, 503, error.hint)
    return JSONResponse(found, headers={"Cache-Control": "private, max-age=600"})


async def asset(request: Request) -> Response:
    """A file of the live views; only the present version's path is kept by browsers."""
    name = request.path_params["name"]
    if name not in files.files():
        return PlainTextResponse("no such file", 404)
    plain, zipped = await anyio.to_thread.run_sync(files.content, name)
    current = request.path_params["version"] == files.version()
    headers = {**(FOREVER if current else _FRESH), "Vary": "Accept-Encoding"}
    kind = files.TYPES[files.files()[name].suffix]
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(zipped, media_type=kind, headers={**headers, "Content-Encoding": "gzip"})
    return Response(plain, media_type=kind, headers={**headers, "Content-Encoding": "identity"})


async def strip(request: Request) -> Response:
    """The test images whose predictions a run repeats, side by side in one PNG; with `of` other
    images that it keeps beside them: their "partners", or the "exemplars" of old classes."""
    run_id, of = request.path_params["run"], request.query_params.get("of", "images")

    def images() -> np.ndarray | None:
        store = service().store
        if not RUN_ID.fullmatch(run_id):
            return None
        if of == "exemplars":
            evaluated = store.evaluation(run_id, step=_step_of(request))
            kept = None if evaluated is None else evaluated.arrays.get("exemplar_images")
            return kept if kept is not None and len(kept) else None
        started = store.started(run_id)
        found = None if started is None else started.arrays.get(f"strip_{of}")
        return found if found is not None and found.ndim == 4 and found.dtype == np.uint8 else None

    try:
        found = await anyio.to_thread.run_sync(images)
    except PlaygroundError as error:
        return _refused(error.message, 503, error.hint)
    if found is None:
        said = "no such run or images, or it has not begun"
        return PlainTextResponse(said, 404, headers=_FRESH)
    return await _sprite(found)


async def evaluation(request: Request) -> Response:
    """What a run's evaluation on the validation images said at a step, or at the nearest to it of
    which that was kept, as JSON; null where there is none."""
    run_id, step = request.path_params["run"], request.path_params["step"]
    if not RUN_ID.fullmatch(run_id) or step >= 10**9:
        return _refused("there is no such run or step", 404)
    try:
        found = await anyio.to_thread.run_sync(
            evaluation_at, service().store, run_id, step, limiter=reading
        )
    except PlaygroundError as error:
        return _refused(error.message, 503, error.hint)
    return Response(to_json(found), media_type="application/json", headers=_FRESH)


async def reference(request: Request) -> Response:
    """The images that a portrait without a run is about, side by side in one PNG."""
    try:
        found = await anyio.to_thread.run_sync(
            service().questions.ask, "reference", limiter=checking
        )
    except PlaygroundError as error:
        return _refused(error.message, 503, error.hint)
    return await _sprite(found["images"])


async def samples(request: Request) -> Response:
    """An image of each class of a data set, side by side in one PNG."""
    dataset = request.path_params["dataset"]
    try:
        RunSpec.parse({"dataset": dataset})

        def sample() -> np.ndarray:
            found = service().questions.ask("sample", dataset=dataset)
            images: np.ndarray = found["images"]
            return images

        found = await anyio.to_thread.run_sync(sample)
    except PlaygroundError as error:
        return _refused(error.message, 404, error.hint)
    return await _sprite(found)


def routes() -> list[BaseRoute]:
    """The routes of the live views, for `st.App`."""
    root = f"{files.base()}/live"
    return [
        Route(f"{root}/stream", stream),
        Route(f"{root}/reference.png", reference),
        Route(f"{root}/assets/{{version}}/{{name}}", asset),
        Route(f"{root}/strip/{{run}}.png", strip),
        Route(f"{root}/evaluation/{{run}}/{{step:int}}", evaluation),
        Route(f"{root}/samples/{{dataset}}.png", samples),
        Route(f"{root}/{{question}}", ask, methods=["POST"]),
        Route(f"{root}/{{question}}", listed),
    ]


_FRESH = {"Cache-Control": "no-store"}


def _step_of(request: Request) -> int | None:
    """The step that a request asks for; None for the latest."""
    text = request.query_params.get("at", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


async def _posted(request: Request) -> dict[str, Any] | Response:
    """The JSON object that this app's own page posted, or the answer that refuses it."""
    if not from_own_page(request):
        return _refused("expected a request from this app's own page", 403)
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY:
            return _refused(f"expected at most {MAX_BODY:,} bytes", 413)
    try:
        asked = json.loads(bytes(body))
    except (ValueError, RecursionError):
        asked = None
    return asked if isinstance(asked, dict) else _refused("expected a JSON object", 400)


def _refused(message: str, status: int, hint: str = "", after: float = 0.0) -> JSONResponse:
    """What is said instead of an answer; one may ask again `after` so many seconds."""
    headers = {**_FRESH, "Retry-After": f"{after:.0f}"} if after else _FRESH
    return JSONResponse({"refused": message, "hint": hint}, status, headers=headers)


async def _sprite(images: np.ndarray) -> Response:
    def draw() -> bytes:
        # (N, H, W, C) -> (H, N·W, C): image k occupies columns k·W to (k+1)·W.
        row = np.concatenate(list(images), axis=1)
        picture = Image.fromarray(row[..., 0] if row.shape[-1] == 1 else row)
        out = io.BytesIO()
        picture.save(out, "PNG")
        return out.getvalue()

    body = await anyio.to_thread.run_sync(draw)
    return Response(body, media_type="image/png", headers={"Cache-Control": "private, max-age=600"})
