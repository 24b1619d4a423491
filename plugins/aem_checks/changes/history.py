"""Which commits lie between two commits, and which files differ? Asked of git in a way that runs nothing of the repository.

Only plumbing is used: it reads no configuration that starts programs, and raw differences need no attributes.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aem_checks.changes.values import ChangeCommit
from aem_checks.git import CheckoutError, run_git
from aem_checks.text import count, plain

MOST_COMMITS = 5_000
MOST_FILES = 100_000
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_FORMAT = "%H%x00%P%x00%an%x00%ae%x00%at%x00%s%x00"
_FIELDS = 6


@dataclass(frozen=True, slots=True)
class Difference:
    """One file that differs. ``before`` is another path only for a file that moved unchanged."""

    path: str
    before: str
    status: str
    """``A``, ``M``, ``D``, ``T`` (became a link, or none), ``R`` (moved unchanged)."""
    mode: str
    """Of git, after the change, and before it for what was deleted: ``120000`` a link, ``160000`` a submodule."""


@dataclass(frozen=True)
class History:
    """What git says of the way from one commit to another."""

    commits: tuple[ChangeCommit, ...]
    differences: tuple[Difference, ...]
    notes: tuple[str, ...]


async def read_history(folder: Path, base: str, head: str) -> History:
    """The way from ``base`` to ``head``, both full ids. Raises ``CheckoutError`` where there is none to be read."""
    for commit, what in ((base, "last verified release"), (head, "release")):
        await _is_there(folder, commit, what)
    differences = tuple(_differences(await _raw(folder, base, head)))
    if len(differences) > MOST_FILES:
        raise CheckoutError(
            f"More than {MOST_FILES} files differ between {base[:12]} and {head[:12]}, too many to look at. To do: name "
            "the folder of the Maven project under 'base:'."
        )
    notes = await _relation(folder, base, head)
    commits = await _commits(folder, base, head)
    if len(commits) == MOST_COMMITS:
        notes.append(f"Only the newest {MOST_COMMITS} commits of this release were looked at.")
    return History(tuple(commits), differences, tuple(notes))


async def _is_there(folder: Path, commit: str, what: str) -> None:
    if not _COMMIT.fullmatch(commit):
        raise CheckoutError(f"The commit of the {what} is not known, so what changed is not known either.")
    try:
        await run_git(folder, "cat-file", "-e", f"{commit}^{{commit}}")
    except CheckoutError as error:
        short = "cut short" if await _is_shallow(folder) else "complete"
        raise CheckoutError(
            f"The commit {commit[:12]} of the {what} is not in {folder}, whose history is {short} ({error}). To do: fetch "
            "it there with its history (git fetch --unshallow)."
        ) from None


async def _is_shallow(folder: Path) -> bool:
    return (await run_git(folder, "rev-parse", "--is-shallow-repository")).strip() == b"true"


async def _raw(folder: Path, base: str, head: str) -> bytes:
    return await run_git(
        folder, "diff-tree", "-r", "-z", "--raw", "--find-renames=100%", "--full-index", base, head
    )


def _differences(output: bytes) -> Iterator[Difference]:
    words = iter(output.split(b"\0"))
    for about in words:
        parts = about.lstrip(b":").split()
        if len(parts) != 5:
            continue
        status = parts[4][:1].decode()
        before = _text(next(words))
        path = _text(next(words)) if status in "RC" else before
        yield Difference(path, before, status, (parts[0] if status == "D" else parts[1]).decode())


def _text(path: bytes) -> str:
    return path.decode("utf-8", "replace")


async def _relation(folder: Path, base: str, head: str) -> list[str]:
    """What is unusual about the two commits, as sentences."""
    notes = []
    if base == head:
        notes.append(
            f"The release was built from the commit {head[:12]} of the last verified release: nothing changed."
        )
        return notes
    counts = (
        await run_git(
            folder, "rev-list", "--left-right", "--count", f"--max-count={MOST_COMMITS}", f"{base}...{head}"
        )
    ).split()
    left, right = (int(each) for each in counts)
    if left and not right:
        notes.append(
            f"The release is an older commit than the last verified release: it takes {count(left, 'commit')} of that back."
        )
    elif left:
        notes.append(
            f"The last verified release has {count(left, 'commit')} that this release has not: a squash, another branch, or work "
            "that is taken back."
        )
    if await _is_shallow(folder):
        notes.append("The history is cut short, so commits may be missing.")
    return notes


async def _commits(folder: Path, base: str, head: str) -> list[ChangeCommit]:
    listed = await run_git(
        folder, "rev-list", "--topo-order", f"--max-count={MOST_COMMITS}", head, f"^{base}"
    )
    if not listed:
        return []
    mark = secrets.token_hex(16)
    output = await run_git(
        folder,
        *("diff-tree", "--stdin", "-r", "-z", "-c", "--always", "--name-only", "--no-renames"),
        *("--encoding=UTF-8", f"--format=%x00{mark}%x00{_FORMAT}"),
        given=listed,
    )
    blocks = output.split(b"\0" + mark.encode() + b"\0")[1:]
    return [_commit(block) for block in blocks]


def _commit(block: bytes) -> ChangeCommit:
    *fields, rest = block.split(b"\0", _FIELDS)
    if len(fields) != _FIELDS:
        raise CheckoutError("git told a commit in a form that is not known.")
    commit_id, parents, name, address, seconds, title = (each.decode("utf-8", "replace") for each in fields)
    # git ends the message with one NUL, then parts it from the names: by a line break, after a merge by a NUL
    names = rest[2:].split(b"\0") if len(rest) > 2 else []
    return ChangeCommit(
        id=commit_id,
        parents=len(parents.split()),
        author=plain(f"{name} <{address}>", 200),
        seconds=int(seconds) if seconds.lstrip("-").isdigit() else 0,
        title=plain(title, 200),
        files=tuple(_text(each) for each in names if each),
    )
