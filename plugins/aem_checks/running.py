"""How does the house run a command of a team that a check asks for, and what of it is told and kept?

The check says which command, with which variables and logins (``asks.Command``); credentials are looked up here and never
told to it. The command runs as ``commands`` and ``code_user`` have it. Its output and all files of its report folders
go into the evidence, with the passwords that it was given blanked out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import quote

from aem_checks.access import NO_ACCESS, Access, AccessError
from aem_checks.browser.blob import Blob, Spill
from aem_checks.code_user import CodeUser, CodeUserError, code_user, inherited, own_folders, take_back

if TYPE_CHECKING:
    from aem_checks.asks import Command, Login
    from aem_checks.commands import CommandResult
    from aem_checks.means import Means
    from aem_checks.reports import LeftOut, ReportFile


class NotRun(StrEnum):
    """Why a command was not run."""

    NO_FOLDER = "no_folder"
    """There is no such folder on this worker."""
    NO_ACCESS = "no_access"
    """It can't log in where it has to."""
    NO_USER = "no_user"
    """It can't run as the user that is set for it."""


@dataclass(frozen=True)
class Left:
    """A file that a command left."""

    name: str
    """Its path, beginning with the report folder that the check named; made safe to be written elsewhere."""
    evidence: str
    """Where it is kept."""
    xml: Blob | None = None
    """What is in it, where its name says that it is XML."""


@dataclass(frozen=True)
class Reports:
    """What a command left in one report folder."""

    name: str = ""
    """As the check named it; empty for REPORTS_PATH."""
    files: tuple[Left, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    """What was not taken over, and why."""


@dataclass(frozen=True)
class Ran:
    """What came of a command."""

    not_run: NotRun | None = None
    why: str = ""
    """Why it was not run, as the end of a sentence."""
    exit_code: int | None = None
    """``None`` where it did not end by itself, or nobody knows."""
    timed_out: bool = False
    left_over: tuple[str, ...] = ()
    """Processes that outlived it and were ended, as ``name (pid)``."""
    survivors: tuple[str, ...] = ()
    """Processes that could not be ended."""
    place: str = ""
    """Below which name all of it is kept: ``output.txt`` and ``reports``."""
    reports: tuple[Reports, ...] = ()
    """By folder: first REPORTS_PATH, then those that the check named."""


async def run(command: Command, means: Means) -> Ran:
    """Run it and take over what it left. Raises what the evidence raises."""
    if not await asyncio.to_thread(Path(command.folder).is_dir):
        return Ran(NotRun.NO_FOLDER)
    try:
        logins, secrets = await asyncio.to_thread(_logins, command, means)
    except AccessError as error:
        return Ran(NotRun.NO_ACCESS, str(error))
    try:
        user = code_user()
    except CodeUserError as error:
        return Ran(NotRun.NO_USER, str(error))
    with own_folders("suite-", ("HOME", "TMPDIR", "REPORTS_PATH"), user) as folders:
        return await _Running(command, means, folders, user, secrets).run(logins)


def _logins(command: Command, means: Means) -> tuple[dict[str, str], tuple[str, ...]]:
    """The variables to log in with, and what must not stay in anything that is kept. Raises ``AccessError``."""
    variables: dict[str, str] = {}
    accesses = [(login, _access(login, means)) for login in command.logins]
    for login, access in accesses:
        user, password = access.basic or ("", "")
        variables |= {f"{login.prefix}_USERNAME": user, f"{login.prefix}_PASSWORD": password}
    return variables, _secrets(*(access for _, access in accesses))


def _access(login: Login, means: Means) -> Access:
    if login.connection is None:
        return means.access.at(means.endpoint.url) if login.of_target else NO_ACCESS
    access = means.resolver(login.connection)
    if login.as_user and access.basic is None:
        raise AccessError(
            f"connection {login.connection!r} has no login and password; suites log in as a local user"
        )
    if login.url is None:
        raise AccessError(
            f"it is not known where to log in with {login.connection!r}; add 'author:' with its url to the site"
        )
    return access.at(login.url)


def _secrets(*accesses: Access) -> tuple[str, ...]:
    """The longest first; a password that equals its user is none."""
    found: set[str] = set()
    for access in accesses:
        user, password = access.basic or ("", "")
        found |= access.secrets - {user}
        if password and password != user:
            found |= {password, quote(password, safe="")}
    return tuple(sorted(found, key=len, reverse=True))


@dataclass(frozen=True)
class _Running:
    """One run in folders of its own."""

    command: Command
    means: Means
    folders: Mapping[str, Path]
    user: CodeUser | None
    secrets: tuple[str, ...]

    async def run(self, logins: Mapping[str, str]) -> Ran:
        from aem_checks.commands import run_command

        own = {name: str(folder) for name, folder in self.folders.items()}
        started = self.folders["TMPDIR"].stat().st_mtime
        result = await run_command(
            self.command.run,
            folder=Path(self.command.folder),
            environment={**inherited(), **self.command.environment, **logins, **own},
            within=timedelta(seconds=self.command.within),
            user=self.user,
        )
        if result.problem:
            return Ran(NotRun.NO_USER, f"The command was not started: {result.problem}.")
        if result.is_over:
            take_back(self.folders["REPORTS_PATH"], self.user)
        return await asyncio.to_thread(self._take_over, result, started)

    def _take_over(self, result: CommandResult, started: float) -> Ran:
        place = self.means.free_place(f"suites/{self.command.name}")
        self.means.keep(f"{place}/output.txt", self._without_secrets(result.output))
        spill, folder = Spill(), Path(self.command.folder)
        own = self._reports(self.folders["REPORTS_PATH"], "", 0.0, place, spill)
        named = (self._reports(folder / name, name, started, place, spill) for name in self.command.reports)
        return Ran(
            exit_code=result.exit_code,
            timed_out=result.timed_out,
            left_over=result.left_over,
            survivors=result.survivors,
            place=place,
            reports=(own, *named),
        )

    def _reports(self, folder: Path, name: str, since: float, place: str, spill: Spill) -> Reports:
        """Every file goes into the evidence. ``since``: seconds since 1970 before which one is not of this run."""
        from aem_checks.reports import LeftOut, collect

        files: list[Left] = []
        left_out: list[LeftOut] = []
        for file in collect(folder, self.secrets, since=since):
            if isinstance(file, LeftOut):
                left_out.append(file)
            else:
                files.append(self._keep(file, str(PurePosixPath(name, file.name)), place, spill))
        return Reports(name, tuple(files), tuple(left_out))

    def _keep(self, file: ReportFile, name: str, place: str, spill: Spill) -> Left:
        kept = self.means.keep(f"{place}/reports/{name}", file.content)
        return Left(name, kept, spill.put(file.content) if file.is_xml else None)

    def _without_secrets(self, content: bytes) -> bytes:
        for secret in self.secrets:
            content = content.replace(secret.encode(), b"*" * len(secret))
        return content
