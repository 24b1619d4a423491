"""Which Chromium is there, and where does one come from when there is none?"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

VARIABLE = "AEM_CHECKS_CHROMIUM"
"""An environment variable with the path of the Chromium to use, before any that is found."""
REMEDY = (
    "run 'make setup', or install one with 'apt-get install chromium' or "
    f"'python -m playwright install chromium', or name one in {VARIABLE}"
)
EXTRA = "run pip install 'aem-stage-gate[browser]'"
_STEERED_BY = ("playwright", "numpy")
_COMMANDS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
_MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
_IN_DOWNLOAD = ("chrome-linux64/chrome", "chrome-linux/chrome", "chrome-mac*/*.app/Contents/MacOS/*")
_SECONDS = 600


class NoChromium(RuntimeError):
    """There is none, or it does not start; the message is the end of a sentence."""


@dataclass(frozen=True)
class Chromium:
    """A Chromium that can be started."""

    path: str
    origin: str
    """Where it comes from, in words: ``Debian's package``."""

    def version(self) -> str:
        """What it says of itself: ``Chromium 156.0.8078.79``. Raises ``NoChromium`` when it does not start."""
        try:
            done = subprocess.run(  # noqa: S603 - the browser itself
                [self.path, "--version"], capture_output=True, text=True, timeout=30, check=True
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise NoChromium(f"{self.path} does not start ({type(error).__name__}: {error})") from error
        found = re.search(r"[\w ]*\d+(?:\.\d+)+", done.stdout)
        return found.group().strip() if found else done.stdout.strip()[:80]


def find_chromium() -> Chromium:
    """The first of: the one that ``AEM_CHECKS_CHROMIUM`` names, one on the path, Playwright's own.

    Raises ``NoChromium``, whose message says how to get one, or what steers it.
    """
    if missing := [each for each in _STEERED_BY if find_spec(each) is None]:
        raise NoChromium(f"{' and '.join(missing)} is not installed: {EXTRA}")
    named = os.environ.get(VARIABLE, "").strip()
    if named:
        if not os.access(named, os.X_OK):
            raise NoChromium(f"{VARIABLE} names {named!r}, which is no program; correct it, or remove it")
        return Chromium(named, f"named by {VARIABLE}")
    found = next(_candidates(), None)
    if found is None:
        raise NoChromium(f"there is no Chromium on this machine: {REMEDY}")
    return found


def _candidates() -> Iterator[Chromium]:
    for command in _COMMANDS:
        if (path := shutil.which(command)) is not None:
            packaged = Path("/etc/debian_version").exists() and path == "/usr/bin/chromium"
            yield Chromium(path, "Debian's package" if packaged else "found on the path")
    for pattern in _IN_DOWNLOAD:
        for download in sorted(_downloads().glob(f"chromium-*/{pattern}"), reverse=True):
            if os.access(download, os.X_OK):
                yield Chromium(str(download), "Playwright's own")
    if os.access(_MAC, os.X_OK):
        yield Chromium(_MAC, "Google Chrome")


def _downloads() -> Path:
    """Where Playwright keeps the browsers that it downloaded."""
    named = os.environ.get("PLAYWRIGHT_BROWSERS_PATH", "")
    if named and named != "0":
        return Path(named)
    if sys.platform == "darwin":
        return Path.home() / "Library/Caches/ms-playwright"
    return Path.home() / ".cache/ms-playwright"


def install_chromium() -> tuple[Chromium | None, list[str]]:
    """Install one where there is none, and return it with what was tried, one sentence each.

    As root on Debian with apt-get, else with Playwright's own download.
    """
    said = []
    for words, command in _ways():
        problem = _run(command)
        said.append(f"{words}: {problem or 'done'}.")
        try:
            return find_chromium(), said
        except NoChromium:
            continue
    return None, said


def _ways() -> Iterator[tuple[str, list[str]]]:
    if os.geteuid() == 0 and shutil.which("apt-get") and Path("/etc/debian_version").exists():
        packages = "apt-get install --yes --no-install-recommends chromium fonts-liberation"
        update = ["sh", "-c", f"apt-get -qq update && DEBIAN_FRONTEND=noninteractive {packages} >/dev/null"]
        yield packages, update
    yield "playwright install chromium", [sys.executable, "-m", "playwright", "install", "chromium"]


def _run(command: list[str]) -> str:
    """Run it and return why it failed, empty where it did not."""
    try:
        done = subprocess.run(  # noqa: S603 - our own two commands
            command, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.SubprocessError) as error:
        return f"{type(error).__name__}: {error}"
    if done.returncode == 0:
        return ""
    lines = (done.stderr or done.stdout).strip().splitlines() or ["no output"]
    told = next((line for line in lines if "rror" in line), lines[-1])
    return f"exit code {done.returncode}, {told.strip()[:200]}"
