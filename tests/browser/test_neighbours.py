"""What the real server lets one visitor do to the others, without a browser."""

import contextlib
import socket
import threading
import time
import urllib.error
import urllib.request

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from tests.browser.conftest import Server


def socket_to(server: Server) -> socket.socket:
    """One that holds little back, so that what is sent soon is what was taken."""
    found = socket.create_connection(("localhost", server.port))
    found.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 * 1024)
    return found


def test_a_flood_of_messages_waits_while_a_neighbour_is_answered(server: Server) -> None:
    message = BackMsg()
    message.rerun_script.query_string = "x" * 10_000
    content = message.SerializeToString()
    sent, answered, over = 0, [], threading.Event()
    address = f"ws://localhost:{server.port}/_stcore/stream"
    options = {"subprotocols": ["streamlit"], "close_timeout": 0.1}
    with connect(address, sock=socket_to(server), **options) as link:

        def flood() -> None:
            nonlocal sent
            with contextlib.suppress(ConnectionClosed, OSError):
                while sent < 3_000 and not over.is_set():
                    link.send(content)
                    sent += 1

        flooding = threading.Thread(target=flood)
        flooding.start()
        for _ in range(20):
            time.sleep(0.1)
            with urllib.request.urlopen(f"{server.url}/_stcore/health", timeout=30) as answer:
                answered.append(answer.status)
        taken = sent
        over.set()
        link.socket.shutdown(socket.SHUT_RDWR)
        flooding.join(10)
    assert answered == [200] * 20
    assert 0 < taken < 500  # 60 at once, 20 a second, and what is on the way


@pytest.mark.parametrize("path", ["", "live/glossary", "_stcore/host-config"])
def test_a_foreign_name_is_not_answered(server: Server, path: str) -> None:
    asked = urllib.request.Request(f"{server.url}/{path}", headers={"Host": "evil.example"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(asked, timeout=30)
    assert refused.value.code == 403 and b"--server.allowedHosts" in refused.value.read()


def test_a_foreign_name_gets_no_websocket(server: Server) -> None:
    address = f"ws://evil.example:{server.port}/_stcore/stream"
    with pytest.raises(InvalidStatus) as refused:
        connect(address, sock=socket_to(server), subprotocols=["streamlit"])
    assert refused.value.response.status_code == 403
