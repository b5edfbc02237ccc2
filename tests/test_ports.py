"""A port that is kept: nobody else's, and free for the server that it is meant for."""

import socket
import sys

import pytest
from tornado.netutil import bind_sockets

from tools.ports import kept

linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a port is only looked up")


@linux
def test_a_kept_port_is_given_to_nobody_who_asks_for_any():
    keeping, port = kept()
    given = set()
    with keeping:
        for reuse in (0, 1):
            for _try in range(2000):
                with socket.socket() as another:
                    another.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, reuse)
                    another.bind(("127.0.0.1", 0))
                    given.add(another.getsockname()[1])
        with socket.socket() as another, pytest.raises(OSError):
            another.bind(("127.0.0.1", port))  # not even asked for by its number
    assert port not in given and len(given) > 1000


@pytest.mark.parametrize(
    "listen",
    [lambda port: [socket.create_server(("127.0.0.1", port))], lambda port: bind_sockets(port, "127.0.0.1")],
)
def test_a_server_gets_a_kept_port_by_its_number_and_gets_it_again(listen):
    keeping, port = kept()
    with keeping:
        for _time in range(2):
            servers = listen(port)
            with socket.create_connection(("127.0.0.1", port), timeout=5):
                pass
            for server in servers:
                server.close()


def test_where_a_bound_port_is_refused_to_servers_it_is_only_looked_up(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    keeping, port = kept()
    assert keeping.fileno() == -1 and port > 0
    keeping.close()  # as its users do
