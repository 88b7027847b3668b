"""What Streamlit starts: `streamlit run app.py` serves pages, live routes and workers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio.to_thread
import streamlit as st
from starlette.middleware import Middleware

from pages.live import operating
from pages.live.doors import Door
from pages.live.files import base
from pages.live.front import Front
from pages.live.headers import SafeHeaders
from pages.live.hosts import Hosts
from pages.live.routes import feed, routes
from pages.live.shutdown import before_shutdown
from pages.live.sockets import send_at_once
from pages.live.startup import Startup
from pages.live.throttle import Throttle
from pages.live.zipped import Zipped
from playground import logs
from playground.people import check_login
from playground.races import feeder
from playground.runs.address import announced
from playground.runs.supervisor import service
from playground.settings import settings


def address() -> str:
    """Where this machine's browsers find the pages."""
    scheme = "https" if st.get_option("server.sslCertFile") else "http"
    return f"{scheme}://localhost:{st.get_option('server.port')}{base()}"


@asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[None]:
    """Workers are warm before anyone presses Train, and gone when the server is."""
    logs.configure(settings())
    send_at_once()
    check_login(settings(), st.secrets.load_if_toml_exists() and "auth" in st.secrets)
    supervisor = await anyio.to_thread.run_sync(service)
    supervisor.listeners.append(feed.wake)
    races = feeder.service()
    races.start()
    try:
        ending = before_shutdown(
            supervisor.leave, feed.close, settings().notice_seconds, settings().drain_seconds
        )
        with ending, announced(settings().home, address()):
            yield
    finally:
        await anyio.to_thread.run_sync(races.close)
        await anyio.to_thread.run_sync(supervisor.close)
        # Not left to atexit: a signal that ends the server ends the process before that.
        await anyio.to_thread.run_sync(supervisor.store.close)


app = st.App(
    "pages/frame.py",
    routes=[*operating.routes(), *routes()],
    lifespan=lifespan,
    middleware=[
        Middleware(Startup),
        Middleware(SafeHeaders),
        Middleware(Hosts),
        Middleware(Door),
        Middleware(Throttle),
        Middleware(Front),
        Middleware(Zipped),
    ],
)
