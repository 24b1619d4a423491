"""How does Lighthouse measure a page within the gate's rules: its hosts, its rate, its credentials, its time and memory?

Lighthouse runs in a Node of its own with a Chromium of its own, as the user that browsers run as, and sees nothing of
the worker's environment. It talks to the guard's proxy alone. Each request of the page is held until it is its turn, and
goes on with the credentials of its own origin and no other's: Lighthouse itself knows none.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shlex
import socket
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aem_checks.browser.asks import Audited, Reason, Unopened
from aem_checks.browser.browser import MAX_MEMORY
from aem_checks.browser.credentials import Doorkeeper
from aem_checks.browser.finding import find_chromium
from aem_checks.browser.launching import end_browser, first_process, memory_of, prepared
from aem_checks.code_user import inherited
from aem_checks.commands import CommandResult, run_command
from aem_checks.network_guard.forward_proxy import guard_proxy
from aem_checks.text import plain
from aem_checks.urls import host_of, uncached

if TYPE_CHECKING:
    from aem_checks.browser.blob import Spill
    from aem_checks.browser.launching import Start
    from aem_checks.browser.lighthouse import Lighthouse
    from aem_checks.means import Means
    from aem_checks.network_guard.rule import Rule

AUDIT_SECONDS = 180.0
"""For one page."""
MOST_BYTES = 32 * 1024 * 1024
"""Of one report, and of whatever else Lighthouse says in a line."""
_SCRIPT = Path(__file__).with_name("run_lighthouse.mjs")
_LINE = "3<&0 0</dev/null"
"""Node opens standard input by itself, once somebody looks at it, and then nobody else may."""
_FLAGS = {
    "onlyCategories": ["performance"],
    "skipAudits": [
        "unused-javascript",
        "duplicated-javascript",
        "legacy-javascript",
        "valid-source-maps",
        "script-treemap-data",
    ],  # these ask for source maps, past the page and so past its turn
    "disableFullPageScreenshot": True,
    "maxWaitForLoad": 45_000,
    "logLevel": "error",
}
_MEMORY_EVERY = 1.0


async def audit(lighthouse: Lighthouse, means: Means, path: str, spill: Spill) -> Audited | Unopened:
    """What Lighthouse reports of a page, asked past all caches. Raises ``NoChromium``."""
    chromium = find_chromium()
    async with guard_proxy(means) as proxy:
        with prepared(proxy.url) as start:
            talk = _Talk(Doorkeeper.of(means), proxy.rule)
            order = {
                "lighthouse": str(lighthouse.root),
                "url": uncached(means.url(path)),
                "flags": _FLAGS,
                "chromium": _chromium(chromium.path, start),
            }
            said, why = await _run(lighthouse.node, start, talk, order)
    refused = tuple(sorted(talk.refused))
    if "report" not in said:
        return Unopened(Reason.LOST, _why(said, why), refused=refused)
    report = json.dumps(said["report"]).encode()
    for secret in means.access.secrets:
        report = report.replace(json.dumps(secret)[1:-1].encode(), b"[hidden]")
    return Audited(await asyncio.to_thread(spill.put, report), refused)


def _why(said: Mapping[str, Any], otherwise: str) -> str:
    problem = plain(str(said.get("problem", "")), 200)
    return f"Lighthouse gave no report ({problem or otherwise})"


def _chromium(path: str, start: Start) -> dict[str, Any]:
    """What puppeteer's ``launch`` takes."""
    through = [f"--proxy-server={start.proxy_url}", "--proxy-bypass-list=<-loopback>"]
    return {
        "executablePath": path,
        "userDataDir": str(start.profile),
        "args": [*start.flags, *through],
        "env": start.environment,
    }


async def _run(node: str, start: Start, talk: _Talk, order: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """What it said last, and what else there is to say of its end."""
    ours, theirs = socket.socketpair()
    talking = asyncio.create_task(talk.lead(ours, order))
    watching = asyncio.create_task(_watch_memory(start.profile))
    try:
        result = await run_command(
            f"exec {shlex.join([node, str(_SCRIPT)])} {_LINE}",
            folder=Path("/"),
            environment={**inherited(), "HOME": str(start.profile), "TMPDIR": str(start.profile)},
            within=timedelta(seconds=AUDIT_SECONDS),
            user=start.user,
            line=theirs,
        )
        said = await talking
    finally:
        for task in (talking, watching):
            task.cancel()
        await asyncio.gather(talking, watching, return_exceptions=True)
    return said, _end_of(result, watching)


def _end_of(result: CommandResult, watching: asyncio.Task[str]) -> str:
    if not watching.cancelled() and watching.exception() is None:
        return watching.result()
    if result.timed_out:
        return f"it did not come to an end within {AUDIT_SECONDS:.0f} s"
    last = plain(result.output.decode(errors="replace").strip().rpartition("\n")[2], 200)
    return result.problem or last or f"exit code {result.exit_code}"


async def _watch_memory(profile: Path) -> str:
    """End a Chromium that holds too much, and say so."""
    processes: list[Any] = []
    while True:
        await asyncio.sleep(_MEMORY_EVERY)
        processes = processes or await asyncio.to_thread(first_process, profile)
        if (used := await asyncio.to_thread(memory_of, processes)) > MAX_MEMORY:
            end_browser(profile)
            return f"Chromium holds {used >> 20} MB with it; up to {MAX_MEMORY >> 20} MB are allowed"


class _Talk:
    """What is said with Lighthouse's Node, line by line."""

    def __init__(self, doorkeeper: Doorkeeper, rule: Rule) -> None:
        self._doorkeeper, self._rule = doorkeeper, rule
        self.refused: set[str] = set()
        """Hosts that the page wanted and the gate does not contact."""

    async def lead(self, line: socket.socket, order: Mapping[str, Any]) -> dict[str, Any]:
        """Say what is to be done, let requests go as it is their turn; returns the last words, empty for none."""
        reader, writer = await asyncio.open_connection(sock=line, limit=MOST_BYTES)
        answering: set[asyncio.Task[None]] = set()
        try:
            _write(writer, order)
            while said := await _read(reader):
                if "request" not in said:
                    return said
                task = asyncio.create_task(self._let_go(said, writer))
                answering.add(task)
                task.add_done_callback(answering.discard)
            return {}
        finally:
            for task in answering:
                task.cancel()
            writer.close()

    async def _let_go(self, said: Mapping[str, Any], writer: asyncio.StreamWriter) -> None:
        url, headers = str(said.get("url", "")), said.get("headers")
        before = (
            {str(name): str(value) for name, value in headers.items()} if isinstance(headers, dict) else {}
        )
        if host_of(url) and not self._rule.allows_url(url):
            self.refused.add(host_of(url))
        after = await self._doorkeeper.passed(url, before)
        told = [{"name": name, "value": value} for name, value in after.items()] if after != before else None
        with contextlib.suppress(ConnectionError):
            _write(writer, {"request": said["request"], "headers": told})


def _write(writer: asyncio.StreamWriter, message: Mapping[str, Any]) -> None:
    writer.write(json.dumps(message).encode() + b"\n")


async def _read(reader: asyncio.StreamReader) -> dict[str, Any]:
    """One message; empty when there is none any more, or it is none."""
    try:
        message = json.loads(await reader.readline())
    except (ValueError, OSError, RecursionError):
        return {}
    return message if isinstance(message, dict) else {}
