"""Put first on a kernel's path: the network ends at this machine, as it does for a learner without one."""

import socket

_connect = socket.socket.connect


def _loopback_only(self, address):
    if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in (
        "127.0.0.1",
        "::1",
        "localhost",
    ):
        raise OSError(f"no network while the chapters are run: {address[0]} was asked for")
    return _connect(self, address)


socket.socket.connect = _loopback_only
