"""A Redis of the machine's own, on loopback, for those who need a real one."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stage_gate.local.ports import free_port, port_is_free

PASSWORD = "correct-horse"


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """Its URL, password included; nothing is kept on disk. Skips the test where there is no redis-server."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed (apt-get install redis-server)")
    port = free_port()
    options = {"port": port, "bind": "127.0.0.1", "requirepass": PASSWORD, "save": "", "dir": folder}
    words = [str(word) for name, value in options.items() for word in (f"--{name}", value)]
    server = subprocess.Popen([program, *words], stdout=subprocess.DEVNULL)
    try:
        _wait_for(port, server)
        yield f"redis://:{PASSWORD}@127.0.0.1:{port}/0"
    finally:
        server.kill()
        server.wait()


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    while server.poll() is None:
        if not port_is_free(port):
            return
        time.sleep(0.02)
    raise RuntimeError(f"redis-server ended with exit code {server.returncode}")
