"""The way from a kernel to the page: each message goes at once.

A kernel answers a moved control with several small messages. Unless told otherwise TCP holds the second back
until the page's machine has acknowledged the first, and that may wait 40 ms for company (RFC 896, RFC 1122
section 4.2.3.2): a slider then answers that much later, every other time::

    jupyter lab --ServerApp.kernel_websocket_connection_class=lenet_helpers.figures.websocket.AtOnce
"""

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection


class AtOnce(ZMQChannelsWebsocketConnection):
    """Jupyter's own connection of a page with a kernel, which waits for no company."""

    def connect(self):
        """Called when the page's websocket is open."""
        self.websocket_handler.set_nodelay(True)
        return super().connect()
