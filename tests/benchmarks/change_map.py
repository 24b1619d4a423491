"""How long does it take to tell what changed in a large project, and how much memory?"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks.figures import Figure, say
from benchmarks.measured_process import run_measured
from unit.aem_checks.changes.aem_project import APPS, CORE, FILES, component, library
from unit.aem_checks.git_repository import git

ROOT = Path(__file__).resolve().parents[2]
CONTENT = "ui.content/src/main/content/jcr_root/content/wknd"
PROJECT_FILES, COMMITS, COMPONENTS = 20_000, 1_000, 1_500
REPETITIONS = 3
TITLE = f"10. What changed: a project of {PROJECT_FILES:,} files, {COMMITS:,} commits between two releases"
NOTES = (
    f"{COMPONENTS:,} components with dialog, HTL and Sling model, 500 client libraries, the rest content. Each commit changes",
    f"three files. The whole command `python -m aem_checks changes`, git's processes included. The median of {REPETITIONS}.",
)


def measure() -> list[Figure]:
    """Seconds and memory of the command."""
    with tempfile.TemporaryDirectory(prefix="stage-gate-bench-") as folder:
        home = Path(folder)
        git(home, "init", "--quiet")
        _fill(home)
        seconds, peaks = list[float](), list[float]()
        for turn in range(REPETITIONS):
            taken = run_measured(
                [sys.executable, "-m", "aem_checks", "changes", folder, "base", "release"],
                environment={**os.environ, "PYTHONPATH": str(ROOT / "plugins")},
            )
            if taken.status != 0:
                raise RuntimeError(taken.output)
            say(f"  turn {turn}: {taken.seconds:.2f} s, {taken.peak:.0f} MB; {taken.output.splitlines()[0]}")
            seconds.append(taken.seconds)
            peaks.append(taken.peak)
    return [
        Figure("change map, the whole command", median(seconds), "s", 5),
        Figure("memory at its highest, with git", max(peaks), "MB", 200),
    ]


def _fill(home: Path) -> None:
    """Write the repository in one stream, as ``git fast-import`` reads it."""
    files = dict(_files())
    stream = [_commit("base", files)]
    paths = [path for path in files if path.endswith((".html", ".java", ".css"))]
    for number in range(COMMITS):
        some = {paths[(number * 3 + each) % len(paths)]: f"\n<!-- {number} -->" for each in range(3)}
        stream.append(_commit("release", {path: files[path] + more for path, more in some.items()}, number))
    subprocess.run(["git", "fast-import", "--quiet"], cwd=home, input=b"".join(stream), check=True)


def _commit(branch: str, files: dict[str, str], number: int | None = None) -> bytes:
    turn = number or 0
    who = f"P{turn % 7} <p{turn % 7}@x.invalid> {1_700_000_000 + turn} +0000"
    head = f"commit refs/heads/{branch}\ncommitter {who}\ndata 1\nx\n"
    if number == 0:
        head += "from refs/heads/base\n"
    parts = [head.encode()]
    for path, text in files.items():
        body = text.encode()
        parts += [f"M 100644 inline {path}\ndata {len(body)}\n".encode(), body, b"\n"]
    return b"".join(parts)


def _files() -> Iterator[tuple[str, str]]:
    yield from FILES.items()
    for number in range(COMPONENTS):
        folder = f"{APPS}/components/group{number % 30}/c{number}"
        above = (
            f"wknd/components/group{(number // 2) % 30}/c{number // 2}" if number % 3 == 0 and number else ""
        )
        model = f"com.wknd.core.models.C{number}"
        yield f"{folder}/.content.xml", component(above)
        yield (
            f"{folder}/c{number}.html",
            f'<div data-sly-use.model="{model}">' + "<p>${model.text}</p>\n" * 60 + "</div>",
        )
        yield f"{folder}/_cq_dialog/.content.xml", component() + "<!-- " + "field " * 500 + "-->"
        yield (
            f"{CORE}/C{number}.java",
            f"package com.wknd.core.models;\nclass C{number} {{}}\n" + "// line\n" * 100,
        )
    for number in range(500):
        folder = f"{APPS}/clientlibs/l{number}"
        yield f"{folder}/.content.xml", library(f"[wknd.l{number}]", f"[wknd.l{number + 1}]")
        yield f"{folder}/css/a.css", "h1 {}\n" * 50
    left = PROJECT_FILES - len(FILES) - 4 * COMPONENTS - 1000
    for number in range(left):
        yield f"{CONTENT}/p{number % 200}/q{number}/.content.xml", "<x/>"
