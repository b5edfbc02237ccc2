"""A port of loopback that nobody else is given."""

import socket
import sys


def kept():
    """A free port of 127.0.0.1, and the socket that keeps it until it is closed, without listening there.

    A port that was only looked up is somebody else's a moment later: another program that asks the system
    for any port may get it. This one is given to nobody; a server that is told its number gets it all the
    same, as servers ask for a port with SO_REUSEADDR (Tornado's, Node's and PostgreSQL's do). That is Linux's
    rule: elsewhere a bound port is refused to a server too, and so this one is only looked up.
    """
    keeping = socket.socket()
    keeping.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    keeping.bind(("127.0.0.1", 0))
    port = keeping.getsockname()[1]
    if sys.platform != "linux":
        keeping.close()
    return keeping, port
