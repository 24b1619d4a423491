"""Which Chromium is used, and what is said where there is none?"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from aem_checks.browser.finding import VARIABLE, Chromium, NoChromium, find_chromium
from aem_checks.browser.slots import slot, slots_here

PLUGINS = Path(__file__).parents[4] / "plugins"


def program(path: Path, says: str = "Chromium 156.0.8078.79 built on Debian") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


@pytest.fixture(autouse=True)
def _bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which nothing is installed but what a test puts there."""
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "downloads"))


def test_the_one_that_is_named_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "bin/chromium")
    monkeypatch.setenv(VARIABLE, str(program(tmp_path / "mine")))
    assert find_chromium() == Chromium(str(tmp_path / "mine"), f"named by {VARIABLE}")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "gone"))
    with pytest.raises(NoChromium, match="which is no program"):
        find_chromium()


def test_one_on_the_path_comes_before_playwrights_own(tmp_path: Path) -> None:
    own = program(tmp_path / "downloads/chromium-1255/chrome-linux64/chrome")
    assert find_chromium() == Chromium(str(own), "Playwright's own")
    program(tmp_path / "bin/chromium")
    assert find_chromium().origin == "found on the path"
    assert find_chromium().version() == "Chromium 156.0.8078.79"


def test_without_any_it_is_said_how_to_get_one() -> None:
    with pytest.raises(NoChromium, match="apt-get install chromium"):
        find_chromium()


def test_one_that_does_not_start_has_no_version() -> None:
    with pytest.raises(NoChromium, match="/bin/false does not start"):
        Chromium("/bin/false", "here").version()


@pytest.mark.parametrize(
    ("installed", "says"),
    [
        (True, "Browser checks: Chromium 156.0.8078.79 (found on the path, "),
        (False, "Browser checks: no Chromium, so they will be inconclusive. To do: run 'make setup'"),
    ],
)
def test_setup_says_which_one_there_is_and_succeeds_without(
    tmp_path: Path, installed: bool, says: str
) -> None:
    if installed:
        program(tmp_path / "bin/chromium")
    (tmp_path / "playwright").mkdir()
    (tmp_path / "playwright/__init__.py").touch()
    (tmp_path / "playwright/__main__.py").write_text("raise SystemExit('no way out to the internet')")
    environment = {
        "PATH": str(tmp_path / "bin"),
        "HOME": str(tmp_path),
        "PYTHONPATH": f"{tmp_path}:{PLUGINS}",
    }
    done = subprocess.run(
        [sys.executable, "-m", "aem_checks.browser"],
        env=environment,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert says in done.stdout
    assert ("playwright install chromium: exit code 1, no way out" in done.stdout) is not installed


def test_no_more_browsers_run_than_there_are_slots(tmp_path: Path) -> None:
    asyncio.run(_wait_for_slots(tmp_path))


async def _wait_for_slots(folder: Path) -> None:
    """Whoever wants to be alone waits for all others, and all others for it."""
    async with AsyncExitStack() as stack:
        for _ in range(slots_here()):
            await stack.enter_async_context(slot(folder=folder))
        for alone in (False, True):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await stack.enter_async_context(slot(alone=alone, folder=folder))
    async with slot(alone=True, folder=folder):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3), slot(folder=folder):
                pass
