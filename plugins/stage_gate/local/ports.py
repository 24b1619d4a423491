"""Which port of this machine can a server of ours have?"""

from __future__ import annotations

import random
import socket


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on, below the range that outgoing connections use.

    Raises ``OSError`` where none is found.
    """
    for _ in range(200):
        port = random.randint(20_000, 32_000)  # noqa: S311 - no secret
        if port_is_free(port):
            return port
    raise OSError("no free port was found between 20000 and 32000 on 127.0.0.1")


def port_is_free(port: int) -> bool:
    """Whether nothing listens there on 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
