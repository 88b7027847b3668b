"""What a proxy and an operator ask the server: whether it lives, whether it is ready, how it fares.

`/healthz` answers as soon as the server does. `/readyz` is 200 when a run could begin and the store
can be read, else 503 with what is missing. `/metrics` is for Prometheus; it tells counts and times
and nothing of visitors, and still is not for everybody: see `_may_read`.
"""

import hmac
import ipaddress
from collections.abc import Mapping
from typing import Any

import anyio.to_thread
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from pages.live import files
from pages.live.routes import streams
from playground import monitoring
from playground.errors import PlaygroundError, RunError, without_paths
from playground.runs.supervisor import service
from playground.settings import settings

_FRESH = {"Cache-Control": "no-store"}
# What a proxy adds for whom it asks: then this machine's address says nothing of who that is.
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")


async def health(request: Request) -> Response:
    """200 while the server's loop answers."""
    return PlainTextResponse("ok", headers=_FRESH)


async def ready(request: Request) -> Response:
    """200, or 503 and in JSON what is not ready, "workers", "disk", "store", "ending"; and why."""

    def missing() -> dict[str, str]:
        found = {}
        if service().leaving:
            found["ending"] = "it is told to end"
        status = service().status()
        if not status["ready"]:
            waits = status["waits"] and f"they wait for {status['waits']}"
            found["workers"] = status["problem"] or waits or "they are warming up"
        try:
            service().disk.check()
        except RunError as error:
            found["disk"] = error.message
        try:
            service().store.runs(limit=1)
        except PlaygroundError as error:
            found["store"] = without_paths(error.message)
        return found

    found = await anyio.to_thread.run_sync(missing)
    return JSONResponse({"ready": not found, **found}, 503 if found else 200, headers=_FRESH)


async def metrics(request: Request) -> Response:
    """Prometheus' text format."""
    if not _may_read(request):
        said = "metrics are told to programs of this machine, or with PLAYGROUND_METRICS_TOKEN\n"
        return PlainTextResponse(said, 403, headers=_FRESH)
    body = await anyio.to_thread.run_sync(monitoring.text, monitoring.Moment(_now))
    return Response(body, media_type=CONTENT_TYPE_LATEST, headers=_FRESH)


def routes() -> list[Route]:
    """The routes, for `st.App`."""
    base = files.base()
    return [
        Route(f"{base}/healthz", health),
        Route(f"{base}/readyz", ready),
        Route(f"{base}/metrics", metrics),
    ]


def _may_read(request: Request) -> bool:
    """Whether the token is right; where none is set, whether a program of this machine asks, not
    through a proxy."""
    token = settings().metrics_token
    if token:
        sent = request.headers.get("authorization", "").partition("Bearer ")[2]
        return hmac.compare_digest(sent.encode(), token.encode())
    forwarded = any(name in request.headers for name in _FORWARDED)
    return not forwarded and request.client is not None and _is_local(request.client.host)


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _now() -> Mapping[str, Any]:
    beside = {"viewers": streams.total(), "disk_free_bytes": service().disk.free()}
    return {**service().status(), **beside}
