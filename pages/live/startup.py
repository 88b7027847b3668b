"""Says in a sentence why the server cannot start, where that is a fault of its surroundings."""

import sys

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from playground.errors import PlaygroundError


class Startup:
    """Puts the message and the hint of a PlaygroundError in place of its traceback."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI interface."""
        if scope["type"] != "lifespan":
            await self.app(scope, receive, send)
            return

        said = False

        async def send_in_words(message: Message) -> None:
            nonlocal said
            error = sys.exception()  # Starlette sends this while it handles what went wrong
            if message["type"] == "lifespan.startup.failed" and isinstance(error, PlaygroundError):
                message = {**message, "message": f"{error} {error.operator_hint}".strip()}
                said = True
            await send(message)

        try:
            await self.app(scope, receive, send_in_words)
        except PlaygroundError:
            if not said:
                raise
