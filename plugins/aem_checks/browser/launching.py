"""How is Chromium started so that it talks to the guard alone, and nothing of it is left behind?

It is steered over a pipe, not over a port that others could find, and ends when the other end of the pipe does:
also when the task is killed. Its profile is a folder of its own; those of killed tasks are removed by the next.

Where the deployment names a user in ``AEM_CHECKS_BROWSER_USER``, Chromium runs as that user, without capabilities and
with no way to get any. Chromium's own sandbox is on unless the worker is root, which it refuses, or the deployment
says ``AEM_CHECKS_CHROMIUM_SANDBOX=off``, as in a container, where it can't be made.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aem_checks.browser.finding import Chromium, NoChromium
from aem_checks.code_user import CodeUser, CodeUserError, code_user, give, take_back
from aem_checks.text import plain

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext

_FLAGS = (
    "--disable-background-networking",
    "--disable-breakpad",
    "--disable-client-side-phishing-detection",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-domain-reliability",
    "--disable-extensions",
    "--disable-quic",
    "--disable-sync",
    "--dns-prefetch-disable",
    "--font-render-hinting=none",
    "--force-color-profile=srgb",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--hide-scrollbars",
    "--metrics-recording-only",
    "--no-first-run",
    "--no-pings",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
)
USER_VARIABLE = "AEM_CHECKS_BROWSER_USER"
SANDBOX_VARIABLE = "AEM_CHECKS_CHROMIUM_SANDBOX"
_PREFIX = "aem_checks-browser-"
_START_SECONDS = 60
_LONGEST_SOCKET_FOLDER = 60
"""Characters; Chromium puts a socket below it, whose path may have 107 in all (unix(7))."""


@dataclass(frozen=True)
class Start:
    """How one Chromium is started."""

    proxy_url: str
    profile: Path
    user: CodeUser | None
    """Whom it runs as; ``None`` for this process's own user."""
    sandboxed: bool

    @property
    def flags(self) -> list[str]:
        return [*_FLAGS, *([] if self.sandboxed else ["--no-sandbox"])]

    @property
    def environment(self) -> dict[str, str | float | bool]:
        return _environment(self.profile)


@contextmanager
def prepared(proxy_url: str) -> Iterator[Start]:
    """A profile of its own; afterwards it is gone, and so is all that was started with it. Raises ``NoChromium``."""
    user = _user()
    profile = _new_profile()
    give(profile, user)
    sandboxed = (os.geteuid() != 0 or user is not None) and os.environ.get(SANDBOX_VARIABLE) != "off"
    try:
        yield Start(proxy_url, profile, user, sandboxed)
    finally:
        _end_processes(profile)
        with contextlib.suppress(OSError):
            take_back(profile, user)
        shutil.rmtree(profile.parent, ignore_errors=True)


@asynccontextmanager
async def launched(chromium: Chromium, proxy_url: str) -> AsyncIterator[tuple[BrowserContext, Path]]:
    """A running Chromium with its profile folder. Raises ``NoChromium`` when it does not start."""
    from playwright.async_api import Error, async_playwright

    with prepared(proxy_url) as start:
        async with async_playwright() as playwright:
            try:
                first = await playwright.chromium.launch_persistent_context(
                    start.profile,
                    executable_path=_program(chromium, start.profile, start.user),
                    args=start.flags,
                    chromium_sandbox=start.sandboxed,
                    headless=True,
                    proxy={"server": proxy_url, "bypass": "<-loopback>"},
                    env=start.environment,
                    accept_downloads=False,
                    service_workers="block",
                    timeout=_START_SECONDS * 1000,
                    handle_sigint=False,
                    handle_sigterm=False,
                    handle_sighup=False,
                )
            except Error as error:
                said = plain(str(error).partition("\n")[0], 300)
                raise NoChromium(f"{chromium.path} does not start ({said})") from error
            try:
                yield first, start.profile
            finally:
                with contextlib.suppress(Error):
                    await first.close()


def _user() -> CodeUser | None:
    try:
        return code_user(USER_VARIABLE)
    except CodeUserError as error:
        raise NoChromium(f"it has no user to run as: {error}") from error


def _program(chromium: Chromium, profile: Path, user: CodeUser | None) -> str:
    """What Playwright starts: Chromium itself, or a few words that become the other user first."""
    if user is None:
        return chromium.path
    become = [
        *("setpriv", f"--reuid={user.uid}", f"--regid={user.gid}", "--clear-groups", "--inh-caps=-all"),
        *("--ambient-caps=-all", "--no-new-privs", "--", chromium.path),
    ]
    starter = profile.parent / "start"
    starter.write_text(f'#!/bin/sh\nexec {shlex.join(become)} "$@"\n')
    starter.chmod(0o755)
    return str(starter)


def _new_profile() -> Path:
    """A new folder inside of one whose name tells who uses it; those of processes that are gone are removed."""
    base = Path(tempfile.gettempdir())
    for old in base.glob(f"{_PREFIX}*"):
        owner = old.name.removeprefix(_PREFIX).partition("-")[0]
        with contextlib.suppress(OSError):
            if owner.isdecimal() and not Path("/proc", owner).exists() and old.stat().st_uid == os.getuid():
                shutil.rmtree(old, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
    folder.chmod(0o711)  # whoever knows the name of what is in it may pass through
    profile = folder / "profile"
    profile.mkdir(mode=0o700)
    return profile


def _environment(profile: Path) -> dict[str, str | float | bool]:
    """What Chromium sees: no connection and no secret of the worker."""
    kept = ("PATH", "LANG", "LC_ALL", "TZ", "FONTCONFIG_PATH", "FONTCONFIG_FILE", "LD_LIBRARY_PATH")
    inherited: dict[str, Any] = {name: os.environ[name] for name in kept if name in os.environ}
    short = len(str(profile)) <= _LONGEST_SOCKET_FOLDER
    return {**inherited, "HOME": str(profile), "TMPDIR": str(profile) if short else tempfile.gettempdir()}


def processes_of(profile: Path) -> list[Any]:
    """The processes that were started with this profile, and what they started."""
    import psutil

    mark = str(profile)
    found = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if any(mark in word for word in process.cmdline()):
                found[process.pid] = process
                found |= {child.pid: child for child in process.children(recursive=True)}
    return list(found.values())


def memory_of(processes: Iterable[Any]) -> int:
    """Bytes that these processes and those that they started hold, what they share counted once."""
    import psutil

    own, shared, counted = 0, 0, set[int]()
    for process in processes:
        with contextlib.suppress(psutil.Error, OSError):
            for each in (process, *process.children(recursive=True)):
                if each.pid not in counted:
                    counted.add(each.pid)
                    used = each.memory_info()
                    own += max(0, used.rss - getattr(used, "shared", 0))
                    shared = max(shared, getattr(used, "shared", 0))
    return own + shared


def first_process(profile: Path) -> list[Any]:
    """The process from which all others of a browser descend; finding it means looking at all of this machine."""
    import psutil

    found = processes_of(profile)
    numbers, firsts = {process.pid for process in found}, []
    for process in found:
        with contextlib.suppress(psutil.Error, OSError):  # helpers come and go
            if process.ppid() not in numbers:
                firsts.append(process)
    return firsts


def _end_processes(profile: Path) -> None:
    import psutil

    for process in processes_of(profile):
        with contextlib.suppress(psutil.Error, OSError):
            process.kill()


def end_browser(profile: Path) -> None:
    """End a browser that holds too much memory or does not answer; whoever uses it sees it closed."""
    _end_processes(profile)
