"""One person's server, inside the sandbox (or the container): chapters brought up to date, then Jupyter.

The sandbox has no network of its own. The hub has opened a socket for the server and hands it over as an
open file; so nothing in here decides where the proxy connects to. Run by its path, not as part of a package.
"""

import os
import resource
import socket
import sys
import threading
import time


def limit(processes):
    """At most so many processes and threads; counted in the sandbox alone, as it has users of its own."""
    resource.setrlimit(resource.RLIMIT_NPROC, (processes, processes))


def listen_on(descriptor):
    """Let the server take an open socket in place of opening one."""
    from jupyter_server.serverapp import ServerApp

    os.set_inheritable(descriptor, False)  # kernels have no business with it
    opened = socket.socket(fileno=descriptor)
    opened.setblocking(False)
    ServerApp._find_http_port = lambda app: None
    ServerApp._bind_http_server = lambda app: app.http_server.add_socket(opened)


def leave_closing_to_the_proxy():
    """Keep a connection open after the answer, whatever the request says: the proxy ends it.

    Of a socket that is a file, the proxy asks for "Connection: close"; after the request's body it still
    writes an empty piece, and where the answer and the end were there before that, it says 503 in its place.
    """
    from tornado.http1connection import HTTP1Connection

    HTTP1Connection._can_keep_alive = lambda connection, start_line, headers: start_line.version == "HTTP/1.1"


def end_with_parent():
    """End when the sandbox's outer process does: without a list of processes of its own nobody sees to it.

    Where root made the sandbox, that process may not signal this one, and --die-with-parent does nothing.
    """
    parent = os.getppid()

    def watch():
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


def main():
    if "LENET_PROCESSES" in os.environ:
        limit(int(os.environ["LENET_PROCESSES"]))
    if "LENET_SOCKET" in os.environ:
        listen_on(int(os.environ.pop("LENET_SOCKET")))
        leave_closing_to_the_proxy()
    from jupyterhub.singleuser import main as serve

    if os.environ.get("LENET_FORMGRADER") == "1":
        end_with_parent()
        sys.argv.append("--LabApp.extension_manager=readonly")
    else:
        from tools.light import light

        light()
        from tools.copies import reader, refresh
        from tools.lab import COURSE, front_door, jupyterlab_in

        for sentence in refresh():
            print(sentence, flush=True)
        jupyterlab_in(reader())
        sys.argv += [*COURSE, f"--ServerApp.default_url={front_door()}"]
    sys.exit(serve())


if __name__ == "__main__":
    main()
