"""How is git asked, so that it ends in time with all that it started, and runs nothing of a repository's own?"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping
from pathlib import Path

from aem_checks.text import plain

_MOST_SAID = 160 * 1024 * 1024
"""Bytes that git may print; a tree that holds itself ten times over would never end."""
_SECONDS = 300.0
_KEPT = ("PATH", "HOME", "SSL_CERT_FILE")
_QUIET = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_ALLOW_PROTOCOL": "none",
    "LC_ALL": "C",
}
"""``GIT_ALLOW_PROTOCOL``: what a partial clone lacks is not fetched behind our back, by a command of its own choice."""


def fetching(proxy: str) -> dict[str, str]:
    """The variables with which git may fetch, over https through this proxy alone."""
    ways = dict.fromkeys(("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"), proxy)
    return {"GIT_ALLOW_PROTOCOL": "https:file", **ways, "no_proxy": "", "NO_PROXY": ""}


class CheckoutError(RuntimeError):
    """The commit cannot be read. The message is a sentence with what to do."""


async def run_git(
    folder: Path, *arguments: str, given: bytes = b"", environment: Mapping[str, str] | None = None
) -> bytes:
    """Run git without any configuration but the repository's own, without hooks and without questions."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    fixed = ("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", f"safe.directory={folder}")
    try:
        process = await asyncio.create_subprocess_exec(
            *("git", *fixed, *arguments),
            cwd=folder,
            env={**kept, **_QUIET, **(environment or {})},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise CheckoutError(
            f"git cannot be started here ({error.strerror}). To do: install git on the worker."
        ) from None
    try:
        output, errors = await asyncio.wait_for(_talk(process, given), _SECONDS)
    except BaseException as error:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(
                process.pid, signal.SIGKILL
            )  # what git started holds its pipes, and would be waited for
        await process.wait()
        if isinstance(error, TimeoutError):
            raise CheckoutError(f"git {arguments[0]} gave no answer within {_SECONDS:.0f} s.") from None
        raise
    if process.returncode != 0:
        raise CheckoutError(f"git says: {plain(errors.decode('utf-8', 'replace').strip() or 'nothing', 300)}")
    return output


async def _talk(process: asyncio.subprocess.Process, given: bytes) -> tuple[bytes, bytes]:
    """What git prints, and what it complains of. Raises ``CheckoutError`` where that has no end."""
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None

    async def tell(to: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            to.write(given)
            await to.drain()
        to.close()

    output, errors, _ = await asyncio.gather(
        _all_of(process.stdout), _all_of(process.stderr), tell(process.stdin)
    )
    await process.wait()
    return output, errors


async def _all_of(stream: asyncio.StreamReader) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while chunk := await stream.read(256 * 1024):
        chunks.append(chunk)
        size += len(chunk)
        if size > _MOST_SAID:
            raise CheckoutError(f"git printed more than {_MOST_SAID // 1024**2} MiB, so it was ended.")
    return b"".join(chunks)
