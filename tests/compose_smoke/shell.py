"""How are outside commands run, with their output kept for the error and out of the way otherwise?"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path


class StepFailed(Exception):
    """A step did not work; the message says which and shows the end of the command's output."""


def run(
    command: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    data: bytes | None = None,
    timeout: float = 900.0,
) -> str:
    """Run a command and return what it wrote. Raises StepFailed after `timeout` seconds or on an exit code."""
    shown = " ".join(command)
    try:
        done = subprocess.run(
            command,
            env=environment,
            cwd=folder,
            input=data,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
        )
    except subprocess.TimeoutExpired as error:
        raise StepFailed(f"`{shown}` was not done after {timeout:g} s") from error
    written = done.stdout.decode(errors="replace")
    if done.returncode:
        raise StepFailed(f"`{shown}` ended with exit code {done.returncode}:\n{written[-6000:]}")
    return written


@contextmanager
def step(title: str) -> Iterator[None]:
    """Say what goes on and how long it took."""
    print(f"{title} …", flush=True)
    started = time.monotonic()
    yield
    print(f"  done in {time.monotonic() - started:.1f} s", flush=True)
