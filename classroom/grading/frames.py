"""Messages between the grader's processes: msgpack in frames, a length and then the bytes. Reading is
bounded.
"""

import io
import os
import struct

MOST_BYTES, MOST_ITEMS = 64_000_000, 300_000


class Refused(ValueError):
    """A value or a message that may not cross."""


def pack(message):
    """A message of plain parts as bytes."""
    import msgpack  # here: students check themselves with this file and have no msgpack

    return msgpack.packb(message, use_bin_type=True, unicode_errors="surrogatepass")


def unpack(data, most=MOST_BYTES):
    """The message in `data`; Refused where it is none."""
    if len(data) > most:
        raise Refused(f"the message has more than {most} bytes")
    import msgpack

    try:
        return msgpack.unpackb(
            data,
            raw=False,
            strict_map_key=True,
            unicode_errors="surrogatepass",
            max_bin_len=most,
            max_str_len=most,
            max_array_len=MOST_ITEMS,
            max_map_len=1000,
            max_ext_len=0,
        )
    except Exception as error:  # msgpack raises a dozen kinds
        raise Refused(f"not a message: {type(error).__name__}") from None


def write(fd, data):
    """Write one frame: the length, then the bytes."""
    view = memoryview(struct.pack(">I", len(data)) + data)
    while view:
        view = view[os.write(fd, view) :]


def read(fd, most=MOST_BYTES):
    """The next frame's bytes; None at the end of the stream. Refused when it is longer than `most`."""
    head = _exactly(fd, 4)
    if head is None:
        return None
    (length,) = struct.unpack(">I", head)
    if length > most:
        raise Refused(f"a frame of {length} bytes")
    return _exactly(fd, length)


def _exactly(fd, n):
    parts = io.BytesIO()
    while parts.tell() < n:
        part = os.read(fd, min(n - parts.tell(), 1 << 20))
        if not part:
            return None
        parts.write(part)
    return parts.getvalue()
