"""What is in the git commit that is being released? Read from git's own objects, never from a working tree.

A folder with a clone, or the address of a repository; either way the files are those of exactly the candidate's
commit, whatever is checked out. A commit that is not there is no answer.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    ValidationInfo,
    field_validator,
    model_validator,
)

from aem_checks.access import AccessError
from aem_checks.access_names import AccessName
from aem_checks.asks import Files, ask
from aem_checks.check import CheckSettings
from aem_checks.git import CheckoutError, fetching, run_git
from aem_checks.network_guard.address import refused_spelling
from aem_checks.outcomes import Cause, Finding, Judgement, Outcome
from aem_checks.text import quoted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aem_checks.asks import Steps
    from aem_checks.means import Means
    from aem_checks.network_guard.forward_proxy import ForwardProxy

MOST_FILES = 100_000
MOST_BYTES = 1024 * 1024
"""Bytes of one file; a longer one is not read."""
MOST_IN_ALL = 128 * 1024 * 1024
_LARGEST_FETCH = 8 * 1024**3
"""Bytes; what git holds of them and for how long is limited by the time that it has."""
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def _repository(value: str) -> str:
    parts = urlsplit(value)
    if parts.username or parts.password:
        raise ValueError(
            "the address of the repository holds a user name or password; put them into an Airflow connection and "
            "name it with 'access:'"
        )
    if parts.scheme not in ("https", "file"):
        raise ValueError("the address of a repository begins with https:// or file://")
    if why := refused_spelling(parts.hostname or ""):
        raise ValueError(f"the host of the repository {why}, so no gate contacts it; write its own name")
    return value


class Checkout(BaseModel):
    """Where the release's source is. Exactly one of ``folder`` and ``repository``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: str | None = None
    """A clone on the worker; what is checked out in it does not matter, the release's commit has to be there.
    A relative path starts at the gate file."""
    repository: Annotated[str, AfterValidator(_repository)] | None = None
    """The address of a repository, ``https://…``; the commit is fetched for each check, without history. A private
    address will do."""
    access: AccessName | None = None
    """Name of the Airflow connection with user name and password of the repository."""
    base: str = ""
    """The folder of the Maven project inside the repository, where it is not at its root."""

    @model_validator(mode="after")
    def _one_source(self) -> Checkout:
        if (self.folder is None) == (self.repository is None):
            raise ValueError("a checkout has either 'folder:' or 'repository:'; write one of them")
        return self

    @field_validator("folder")
    @classmethod
    def _beside_the_gate_file(cls, value: str | None, info: ValidationInfo) -> str | None:
        start = (info.context or {}).get("folder", "")
        return value if value is None else str(Path(start) / Path(value).expanduser())


class CheckoutSettings(CheckSettings):
    """Settings of a check that reads the source of the release."""

    checkout: Checkout | None = None
    """Where the release's source is: ``{folder: /srv/wknd}`` or ``{repository: https://…, access: NAME}``."""


@dataclass(frozen=True)
class Commit:
    """The files of one commit: their paths with their object ids, and a way to read them."""

    id: str
    files: Mapping[str, str]
    links: Mapping[str, str] = field(default_factory=dict)
    """Symbolic links with their object ids; they are not among ``files``."""
    too_long: tuple[str, ...] = ()
    """Files that are longer than ``MOST_BYTES``; they are not read."""
    _read: Callable[[Iterable[str]], Any] = field(default=lambda paths: {}, repr=False)

    def matching(self, *patterns: str) -> list[str]:
        """Paths that match a pattern such as ``**/*.cfg.json``, sorted; symbolic links are not among them.

        Raises ``CheckoutError`` where one of them is too long to be read: what it says would be missed in silence.
        """
        expressions = [_expression(pattern) for pattern in patterns]
        for path in self.too_long:
            if any(each.fullmatch(path) for each in expressions):
                raise CheckoutError(
                    f"{quoted(path, 200)} is longer than {MOST_BYTES // 1024} KiB, so it was not read."
                )
        return sorted(path for path in self.files if any(each.fullmatch(path) for each in expressions))

    async def targets(self, *patterns: str) -> dict[str, str]:
        """Where the symbolic links that match point to, as they are written. Raises ``CheckoutError``."""
        expressions = [_expression(pattern) for pattern in patterns]
        found = sorted(path for path in self.links if any(each.fullmatch(path) for each in expressions))
        return {path: body.decode("utf-8", "replace") for path, body in (await self.read(found)).items()}

    async def read(self, paths: Iterable[str]) -> dict[str, bytes]:
        """The content of these files by path. Raises ``CheckoutError``."""
        content: dict[str, bytes] = await self._read(paths)
        return content


@dataclass(frozen=True)
class Source:
    """What a check is told of the release's commit."""

    contents: Mapping[str, bytes] = field(default_factory=dict)
    """The files that match, by path."""
    files: int = 0
    """How many files the commit has in all."""
    problem: str = ""
    """Why none can be read, as a sentence; empty where they could."""
    links: Mapping[str, str] = field(default_factory=dict)
    """Symbolic links that match, with what they point to as it is written."""

    @property
    def texts(self) -> dict[str, str]:
        """The same as text; what is no UTF-8 is replaced."""
        return {path: body.decode("utf-8", "replace") for path, body in self.contents.items()}


def source(*patterns: str) -> Steps[Source]:
    """Ask for files of the release's commit. Raises ``CheckoutError`` where they can't be read."""
    told = yield from ask(Files(patterns))
    if told.problem:
        raise CheckoutError(told.problem)
    return told


def of_source(kind: str, settings: CheckoutSettings, examine: Steps[Judgement]) -> Steps[Judgement]:
    """A conversation about the release's source alone: what cannot be read is inconclusive."""
    if settings.checkout is None:
        return Judgement(examined=0, findings=(not_configured(kind),))
    try:
        return (yield from examine)
    except CheckoutError as error:
        return Judgement(examined=0, findings=(not_read(error),))


def _expression(pattern: str) -> re.Pattern[str]:
    parts = []
    for part in re.split(r"(\*\*/|\*\*|\*|\?)", pattern):
        parts.append(
            {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}.get(part) or re.escape(part)
        )
    return re.compile("".join(parts))


@asynccontextmanager
async def repository_with(checkout: Checkout, means: Means, *others: str) -> AsyncIterator[tuple[Path, str]]:
    """A repository with the candidate's commit, and these others: its folder, and the candidate's commit.

    Raises ``CheckoutError`` where that is not known; what is fetched comes without history.
    """
    commit_id = str(means.facts.get("commit_id") or "")
    if not _COMMIT.fullmatch(commit_id):
        raise CheckoutError(
            "Cloud Manager names no commit of this release, so no checkout can be known to be it. To do: see the "
            "execution's build step in Cloud Manager."
        )
    if checkout.folder is not None:
        yield Path(checkout.folder), commit_id
        return
    with tempfile.TemporaryDirectory(prefix="stage-gate-git-") as folder:
        wanted = [commit_id, *(each for each in others if _COMMIT.fullmatch(each))]
        await _fetch(checkout, wanted, Path(folder), means)
        yield Path(folder), commit_id


@asynccontextmanager
async def opened(checkout: Checkout, means: Means) -> AsyncIterator[Commit]:
    """The candidate's commit. Raises ``CheckoutError`` where it is not known or not there."""
    async with repository_with(checkout, means) as (folder, commit_id):
        yield await listed(folder, commit_id, checkout)


async def _fetch(checkout: Checkout, commits: Iterable[str], folder: Path, means: Means) -> None:
    """Fetch commits into an empty repository; credentials are in the environment of git alone."""
    secrets: dict[str, str] = {}
    if checkout.access is not None:
        try:
            headers = means.resolver(checkout.access).at(checkout.repository or "").request_headers
        except AccessError as error:
            raise CheckoutError(f"The credentials of the repository can't be used: {error}.") from None
        secrets = {"GIT_CONFIG_COUNT": str(len(headers))}
        for number, (name, value) in enumerate(headers.items()):
            secrets |= {
                f"GIT_CONFIG_KEY_{number}": "http.extraHeader",
                f"GIT_CONFIG_VALUE_{number}": f"{name}: {value}",
            }
    await run_git(folder, "init", "--quiet", "--bare", ".")
    slow = ("-c", "http.lowSpeedLimit=1", "-c", "http.lowSpeedTime=60")  # should nobody be left to end it
    options = ("-c", "http.followRedirects=false", *slow, "fetch", "--quiet", "--depth=1", "--no-tags")
    address = checkout.repository or ""
    async with _way_to(address) as proxy:
        try:
            given = {**secrets, **fetching(proxy.url)}
            await run_git(folder, *options, address, *commits, environment=given)
        except CheckoutError as error:
            hidden = " ".join((str(error), *(f"Not contacted: {why}." for why in proxy.refused.values())))
            for secret in secrets.values():
                hidden = hidden.replace(secret, "[hidden]")
            raise CheckoutError(hidden) from None


def _way_to(repository: str) -> ForwardProxy:
    """The proxy that lets git ask the repository's host and no other, be it in a network of the company's own."""
    from aem_checks.network_guard.forward_proxy import ForwardProxy
    from aem_checks.network_guard.rule import Rule
    from aem_checks.rate_limit import RateLimit

    return ForwardProxy(Rule.of([repository], private=[repository]), RateLimit(), max_bytes=_LARGEST_FETCH)


async def listed(folder: Path, commit_id: str, checkout: Checkout) -> Commit:
    """A commit of a repository on this machine. Raises ``CheckoutError`` where it is not there or has too many files."""
    if not await asyncio.to_thread(folder.is_dir):
        raise CheckoutError(
            f"There is no folder {folder}. To do: clone the repository there, or correct 'folder:'."
        )
    try:
        await run_git(folder, "cat-file", "-e", f"{commit_id}^{{commit}}")
    except CheckoutError as error:
        raise CheckoutError(
            f"The commit {commit_id[:12]} of this release is not in {folder} ({error}). To do: fetch it there before "
            "the gate runs, or give the 'repository:' instead."
        ) from None
    listing = await run_git(folder, "ls-tree", "-r", "-z", "--long", "--full-tree", commit_id)
    ids: dict[str, str] = {}
    links: dict[str, str] = {}
    sizes: dict[str, int] = {}
    too_long = []
    base = f"{checkout.base.strip('/')}/" if checkout.base.strip("/") else ""
    for path, object_id, size, is_link in _entries(listing):
        if not path.startswith(base):
            continue
        name = path.removeprefix(base)
        if size > MOST_BYTES:
            too_long.append(name)
        else:
            (links if is_link else ids)[name] = object_id
            sizes[name] = size
    if len(ids) + len(links) > MOST_FILES:
        raise CheckoutError(
            f"The commit has more than {MOST_FILES} files, too many to look at. To do: name the folder of the Maven "
            "project under 'base:'."
        )

    async def read(paths: Iterable[str]) -> dict[str, bytes]:
        known = {**ids, **links}
        wanted = [path for path in paths if path in known]
        if sum(sizes[path] for path in wanted) > MOST_IN_ALL:
            raise CheckoutError(f"The files to read are larger than {MOST_IN_ALL // 1024**2} MiB together.")
        return await _contents(folder, {path: known[path] for path in wanted})

    return Commit(commit_id, ids, links, tuple(too_long), read)


def _entries(listing: bytes) -> Iterator[tuple[str, str, int, bool]]:
    """Path, object id, bytes, and whether it is a symbolic link, of all but submodules."""
    for entry in listing.split(b"\0"):
        about, _, path = entry.partition(b"\t")
        words = about.split()
        if len(words) == 4 and words[1] == b"blob" and words[3].isdigit():
            yield path.decode("utf-8", "replace"), words[2].decode(), int(words[3]), words[0] == b"120000"


async def _contents(folder: Path, ids: Mapping[str, str]) -> dict[str, bytes]:
    if not ids:
        return {}
    answer = await run_git(folder, "cat-file", "--batch", given="\n".join(ids.values()).encode() + b"\n")
    found: dict[str, bytes] = {}
    at = 0
    for path in ids:
        end = answer.find(b"\n", at)
        words = answer[at:end].split()
        if end < 0 or len(words) != 3 or not words[2].isdigit():
            raise CheckoutError(f"git cannot read {quoted(path)}; the repository in {folder} may be damaged.")
        size = int(words[2])
        found[path] = answer[end + 1 : end + 1 + size]
        at = end + 1 + size + 1
    return found


def not_read(error: CheckoutError) -> Finding:
    """The inconclusive finding for a source that cannot be read."""
    return Finding(
        code="no_source",
        subject="checkout",
        sentence=f"The source of this release was not looked at. {error}",
        expected="the files of the release's commit",
        actual="none",
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.CHECK,
    )


def not_configured(kind: str) -> Finding:
    """The inconclusive finding of a check that was switched on without its source."""
    return Finding(
        code="not_configured",
        subject="checkout",
        sentence=f"{kind} has no source to look at. To do: give it 'checkout: {{folder: …}}' or 'checkout: "
        "{repository: …}'.",
        expected="a checkout of the release",
        actual="none",
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.CHECK,
    )
