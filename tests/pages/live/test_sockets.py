"""Answers do not wait for the confirmation of what was sent before."""

import socket

from streamlit.web.server.starlette.starlette_server import _bind_socket

from pages.live.sockets import send_at_once


def test_connections_to_streamlit_s_socket_send_at_once() -> None:
    with _bind_socket("127.0.0.1", 0, 5) as listening, socket.socket() as other:
        send_at_once()
        with socket.create_connection(listening.getsockname()):
            listening.setblocking(True)
            accepted, _ = listening.accept()
            with accepted:
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert not other.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
