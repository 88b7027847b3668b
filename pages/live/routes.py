"""What the live views ask the server for, beside the page itself."""

import base64
import gzip
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
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
from pages.live.feed import LEAST_SECONDS, UNKNOWN, Feed, Viewer, encode, reading, to_json
from pages.live.headers import visitor_of
from pages.live.hosts import from_own_page
from pages.live.packing import pack
from playground.errors import PlaygroundError
from playground.knobs import MAX_LOSS_CHARACTERS
from playground.runs.checker import Superseded
from playground.runs.supervisor import service
from playground.settings import settings
from playground.spec import DEFAULT_TASK, RunSpec
from playground.tasks import TASKS

MAX_RUNS = 8  # as many as there are colours for
MAX_BODY = 64 * 1024
KEEP_ALIVE_SECONDS = 15.0
RUN_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
LOOKS = frozenset(
    {"maps", "kernel", "why", "exemplars", "browse", "dead", "match"}
    | {"embedding", "neighbours", "pictures"}
)
VIEWS = frozenset({"curve", "simplex", "weights"})
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
            await PlainTextResponse(said, 429, headers=_FRESH)(scope, receive, send)
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
                await anyio.sleep(LEAST_SECONDS)
            with anyio.move_on_after(KEEP_ALIVE_SECONDS):
                await viewer.ready.wait()
            body = feed.take(viewer) or b": still here\n\n"
        await send({"type": "http.response.body", "body": b"", "more_body": False})
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


async def check(request: Request) -> Response:
    """Checks a loss as it is typed for a run of a task: `{text, parameters, task}` in, the worker's
    report out; with `"kind": "metric"`, a metric."""
    asked = await _posted(request)
    if isinstance(asked, Response):
        return asked
    try:
        text, parameters = asked["text"], asked.get("parameters", {})
        metric, task = asked.get("kind") == "metric", asked.get("task", DEFAULT_TASK)
        if task not in TASKS:
            raise ValueError
        if not isinstance(text, str) or not isinstance(parameters, Mapping):
            raise TypeError
        parameters = {str(name): float(value) for name, value in parameters.items()}
    except (ValueError, TypeError, KeyError):
        return _refused('expected JSON: {"text": "...", "parameters": {"name": number}}', 400)
    if len(text) > MAX_LOSS_CHARACTERS:
        return _refused(f"expected at most {MAX_LOSS_CHARACTERS:,} characters", 413)
    visitor = visitor_of(request)
    try:
        report = await anyio.to_thread.run_sync(
            *(
                (service().check_metric, text, visitor, True, task)
                if metric
                else (service().check, text, parameters, visitor, True, task)
            ),
            limiter=checking,
        )
    except Superseded:
        return JSONResponse({"superseded": True}, headers=_FRESH)
    except PlaygroundError as error:
        return _refused(error.message, 503, error.hint)
    return Response(to_json(report), media_type="application/json", headers=_FRESH)


async def portrait(request: Request) -> Response:
    """A picture of a loss: `{text, parameters, view, run}` in, `packing.pack` of the answer out."""
    asked = await _posted(request)
    if isinstance(asked, Response):
        return asked
    try:
        text, view, run_id = asked["text"], asked["view"], asked.get("run") or ""
        parameters = {str(name): float(value) for name, value in asked["parameters"].items()}
        if not isinstance(text, str) or view not in VIEWS or not isinstance(run_id, str):
            raise TypeError
        if len(text) > MAX_LOSS_CHARACTERS or (run_id and not RUN_ID.fullmatch(run_id)):
            raise ValueError
    except (ValueError, TypeError, KeyError, AttributeError):
        return _refused("expected JSON with a text, its parameters and a view", 400)
    visitor = visitor_of(request)

    def answer() -> bytes:
        return pack(service().portrait(text, parameters, view, run_id, visitor))

    return await _packed(request, answer, checking)


async def _packed(
    request: Request, answer: Callable[[], bytes], limiter: anyio.CapacityLimiter
) -> Response:
    """What `answer` gives, from a thread; or why it gave nothing."""
    try:
        body = await anyio.to_thread.run_sync(answer, limiter=limiter)
    except Superseded:
        return JSONResponse({"superseded": True}, 409, headers=_FRESH)
    except PlaygroundError as error:
        return _refused(error.message, 503, error.hint)
    headers = {**_FRESH, "Vary": "Accept-Encoding"}
    if len(body) > WORTH_ZIPPING and "gzip" in request.headers.get("accept-encoding", ""):
        body = await anyio.to_thread.run_sync(lambda: gzip.compress(body, 1))
        headers["Content-Encoding"] = "gzip"
    return Response(body, media_type="application/octet-stream", headers=headers)


async def look(request: Request) -> Response:
    """Looks into a run's network: `{run, what, ...}` in, `packing.pack` of the answer out."""
    asked = await _posted(request)
    if isinstance(asked, Response):
        return asked
    try:
        question = _question(asked)
    except (ValueError, TypeError, KeyError):
        return _refused("expected JSON that names a run, what to look at and an image", 400)
    visitor = visitor_of(request)

    def answer() -> bytes:
        return pack(service().look(**question, visitor=visitor))

    return await _packed(request, answer, looking)


def _question(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `Supervisor.look` out of what a browser sent. Raises ValueError, TypeError
    or KeyError for what makes none."""
    run_id, what = asked["run"], asked["what"]
    if what not in LOOKS or not isinstance(run_id, str) or not RUN_ID.fullmatch(run_id):
        raise ValueError
    found: dict[str, Any] = {"run_id": run_id, "what": what}
    found["step"] = None if asked.get("step") is None else _whole(asked["step"])
    if "image" in asked:
        image = asked["image"]
        if "pixels" in image:
            content = base64.b64decode(image["pixels"], validate=True)
            found["image"] = {"pixels": np.frombuffer(content, np.uint8)}
        else:
            found["image"] = {"test": _whole(image["test"])}
    for name in ("unit", "target", "other_step", "dims"):
        if asked.get(name) is not None:
            found[name] = _whole(asked[name])
    for name in ("split", "method"):
        if asked.get(name):
            found[name] = str(asked[name])[:16]
    if asked.get("layer"):
        found["layer"] = str(asked["layer"])[:64]
    if asked.get("gradients"):
        found["gradients"] = True
    if what == "match":
        if not isinstance(asked["other"], str) or not RUN_ID.fullmatch(asked["other"]):
            raise ValueError
        found["other"] = asked["other"]
    return found


def _whole(value: Any) -> int:
    """A whole number of a size that everything behind takes. Raises ValueError for others."""
    if not isinstance(value, int) or not -1 <= value < 10**9:
        raise ValueError
    return value


async def glossary(request: Request) -> Response:
    """The names of the loss language, for the editor. A restarted server may know others."""
    try:
        found = await anyio.to_thread.run_sync(service().glossary, limiter=checking)
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
    """The test images whose predictions a run repeats, side by side in one PNG."""
    run_id = request.path_params["run"]

    def images() -> np.ndarray | None:
        started = service().store.started(run_id) if RUN_ID.fullmatch(run_id) else None
        return None if started is None else started.arrays.get("strip_images")

    try:
        found = await anyio.to_thread.run_sync(images)
    except PlaygroundError as error:
        return _refused(error.message, 503, error.hint)
    if found is None:
        return PlainTextResponse("no such run, or it has not begun", 404, headers=_FRESH)
    return await _sprite(found)


async def reference(request: Request) -> Response:
    """The images that a portrait without a run is about, side by side in one PNG."""
    try:
        found = await anyio.to_thread.run_sync(service().reference, limiter=checking)
    except PlaygroundError as error:
        return _refused(error.message, 503, error.hint)
    return await _sprite(found["images"])


async def samples(request: Request) -> Response:
    """An image of each class of a data set, side by side in one PNG."""
    dataset = request.path_params["dataset"]
    try:
        RunSpec.parse({"dataset": dataset})
        found, _, _ = await anyio.to_thread.run_sync(service().sample, dataset)
    except PlaygroundError as error:
        return _refused(error.message, 404, error.hint)
    return await _sprite(found)


def routes() -> list[BaseRoute]:
    """The routes of the live views, for `st.App`."""
    root = f"{files.base()}/live"
    return [
        Route(f"{root}/stream", stream),
        Route(f"{root}/check", check, methods=["POST"]),
        Route(f"{root}/portrait", portrait, methods=["POST"]),
        Route(f"{root}/reference.png", reference),
        Route(f"{root}/glossary", glossary),
        Route(f"{root}/look", look, methods=["POST"]),
        Route(f"{root}/assets/{{version}}/{{name}}", asset),
        Route(f"{root}/strip/{{run}}.png", strip),
        Route(f"{root}/samples/{{dataset}}.png", samples),
    ]


_FRESH = {"Cache-Control": "no-store"}


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


def _refused(message: str, status: int, hint: str = "") -> JSONResponse:
    return JSONResponse({"refused": message, "hint": hint}, status, headers=_FRESH)


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
