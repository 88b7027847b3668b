"""What is written to a browser goes at once."""

import gc
import socket


def send_at_once() -> None:
    """Switches Nagle's algorithm off for all connections that this process is yet to accept: they
    take it from the socket that listens.

    asyncio does so itself, but for sockets whose protocol nobody named, as Streamlit's. The second
    part of an answer, or of what is said over a websocket, then waits until the browser has
    confirmed the first, which takes it 40 ms.
    """
    for each in gc.get_objects():
        if isinstance(each, socket.socket) and _listens(each):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _listens(one: socket.socket) -> bool:
    if one.fileno() < 0 or one.family not in (socket.AF_INET, socket.AF_INET6):
        return False
    return bool(
        one.type == socket.SOCK_STREAM and one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    )
