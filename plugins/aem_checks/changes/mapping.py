"""What changed between two commits of a repository folder? The whole answer, or a sentence on why there is none."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from aem_checks.changes.classify import Sides, classified, needs_text
from aem_checks.changes.history import Difference, History, read_history
from aem_checks.changes.places import jcr_path, template_of
from aem_checks.changes.project import Project, read_project
from aem_checks.changes.values import Change, ChangeCommit, ChangeMap
from aem_checks.checkout import Checkout, Commit, listed
from aem_checks.git import CheckoutError, run_git
from aem_checks.text import count


async def read_changes(folder: Path, base: str, head: str, project: str = "") -> ChangeMap:
    """The changes from commit ``base`` to ``head``, full ids, of the Maven project in the folder ``project``.

    Never raises for what a repository holds: what cannot be read is ``problem``. Runs nothing of the repository, and
    asks no host.
    """
    try:
        return await _read(folder, base, head, project.strip("/"))
    except CheckoutError as error:
        return ChangeMap(base, head, problem=f"What changed is not known. {error}")


async def commit_id(folder: Path, revision: str) -> str:
    """The full id of a tag, a branch or an abbreviated id. Raises ``CheckoutError``."""
    found = await run_git(
        folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"
    )
    return found.decode().strip()


async def _read(folder: Path, base: str, head: str, project: str) -> ChangeMap:
    if not await asyncio.to_thread(folder.is_dir):
        raise CheckoutError(f"There is no folder {folder}. To do: clone the repository there.")
    history = await read_history(folder, base, head)
    inside, outside = _of_project(history.differences, project)
    notes = list(history.notes)
    if outside:
        notes.append(
            f"{count(outside, 'file')} outside of {project} changed too; they are not of this project."
        )
    commits = _commits_of_project(history, project)
    changes, incomplete = await _changes(folder, (base, head), inside, project) if inside else ((), "")
    return ChangeMap(base, head, commits, len(inside), changes, tuple(notes), incomplete)


def _of_project(differences: Iterable[Difference], project: str) -> tuple[list[Difference], int]:
    """The differences below the project's folder, and how many there are elsewhere."""
    everywhere = list(differences)
    if not project:
        return everywhere, 0
    inside = [each for each in everywhere if f"{each.path}/".startswith(f"{project}/")]
    return inside, len(everywhere) - len(inside)


def _commits_of_project(history: History, project: str) -> tuple[ChangeCommit, ...]:
    if not project:
        return history.commits
    return tuple(
        each for each in history.commits if any(path.startswith(f"{project}/") for path in each.files)
    )


async def _changes(
    folder: Path, commits: tuple[str, str], differences: list[Difference], project: str
) -> tuple[tuple[Change, ...], str]:
    """What each file is, and why the project was not read to its end."""
    before, now = [await listed(folder, each, Checkout(folder=str(folder), base=project)) for each in commits]
    prefix = f"{project}/" if project else ""
    local = [
        Difference(each.path.removeprefix(prefix), each.before.removeprefix(prefix), each.status, each.mode)
        for each in _both_ends(differences)
    ]
    sides = await _sides(before, now, local)
    changes = (change for each in local for change in classified(each, sides))
    return tuple(replace(each, path=prefix + each.path) for each in changes), sides.now.incomplete


def _both_ends(differences: Iterable[Difference]) -> Iterable[Difference]:
    """A file that moved is gone from one place and new at another."""
    for each in differences:
        yield each
        if each.status == "R":
            yield Difference(each.before, each.before, "D", each.mode)


async def _sides(before: Commit, now: Commit, differences: list[Difference]) -> Sides:
    gone = any(each.status == "D" and jcr_path(each.path).startswith("/apps/") for each in differences)
    project = await read_project(now)
    wanted = [each.path for each in differences if needs_text(each.path)]
    templates = {
        name: path
        for path in now.files
        if path.endswith("/policies/.content.xml") and (name := template_of(jcr_path(path))[0])
    }
    mapped = _texts(await now.read(templates.values()))
    too_long = {*now.too_long, *before.too_long}
    return Sides(
        now=project,
        before=await read_project(before) if gone else Project(),
        texts_now=_texts(await now.read(wanted)),
        texts_before=_texts(await before.read(wanted)),
        mappings={name: mapped[path] for name, path in templates.items() if path in mapped},
        unread=frozenset(each for each in wanted if each in too_long),
    )


def _texts(contents: dict[str, bytes]) -> dict[str, str]:
    return {path: body.decode("utf-8", "replace") for path, body in contents.items()}
