"""N3: does a team's own test suite pass on stage, run as Cloud Manager runs its UI tests?

A command is given Cloud Manager's variables and a report folder (help/implementing/cloud-manager/ui-testing
of Adobe's documentation): Cypress, Playwright, WebdriverIO and Selenium projects run as they are, Maven
functional tests and anything else that writes JUnit XML too (docs/suites.md). Cases are recounted; no report,
no case, only skipped cases, a corrupt report, a word that nobody knows, more cases declared than listed, or an exit code
that contradicts a green report are inconclusive. A case that passed only when the suite tried it again is flaky.
Outside Cloud Manager there is no proxy, so all ``PROXY_*`` variables stay unset. Screenshots, videos and all
else in the report folder become evidence.

It would have caught what Cloud Manager lets pass: a missing test module or an empty archive is a passed step
there (ui-testing and functional-testing of Adobe's documentation), and its exit code is ignored.

Where the deployment names a user for it (``aem_checks.code_user``), the command runs as that user: it owns its
HOME, TMPDIR and REPORTS_PATH and may only read its working folder, so builds write to a copy in TMPDIR.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from pydantic import Field, PrivateAttr, field_validator

from aem_checks.access import NO_ACCESS, Access, AccessError
from aem_checks.access_names import AccessName
from aem_checks.check import CheckSettings, SiteCheck
from aem_checks.code_user import CodeUser, CodeUserError, code_user, inherited, own_folders, take_back
from aem_checks.codes import faults
from aem_checks.durations import Duration, format_duration
from aem_checks.kinds.suites import _suite_findings as say
from aem_checks.kinds.suites._suite_aftermath import Aftermath, Source
from aem_checks.outcomes import Finding, Judgement
from aem_checks.sites import Name, base_url
from aem_checks.urls import host_of

if TYPE_CHECKING:
    from aem_checks.visit import Visit

_OURS = frozenset({"HOME", "TMPDIR", "REPORTS_PATH"})
_GIVEN = re.compile(r"AEM_(AUTHOR|PUBLISH)_(URL|USERNAME|PASSWORD)|PROXY_.*|AIRFLOW_.*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PUBLISH_HOST = re.compile(r"publish-(p\d+-e\d+\.adobeaemcloud\.com)")
_LONGEST_MARGIN = 20.0


class SuitesSettings(CheckSettings):
    """One suite; a gate has a list of them."""

    name: Name
    """What it is called in reports and task ids."""
    folder: str
    """Where the command runs, relative to the gate file."""
    run: str = Field(min_length=1)
    """A shell command, such as ``npm test``."""
    reports: tuple[str, ...] = ()
    """Folders inside ``folder`` where the project writes its reports and pictures, such as
    ``target/failsafe-reports``, where it does not write to REPORTS_PATH. Files from before the run do not count."""
    within: Duration = timedelta(minutes=30)
    """Time limit, 30 minutes as in Cloud Manager; what still runs then is ended with all that it started."""
    author: AccessName | None = None
    """Connection with the local user for AEM author; by default that of the site's ``author:``."""
    author_url: str | None = None
    """AEM author; by default the site's ``author:``, else the host beside an adobeaemcloud.com publish host."""
    publish: AccessName | None = None
    """Connection with a user for publish; by default the ``access:`` of the target."""
    environment: dict[str, str] = Field(default_factory=dict)
    """Further variables. The command sees nothing else but Cloud Manager's own, PATH, LANG, HOME and TMPDIR,
    the last two empty folders: name a browser's folder here, for example in PLAYWRIGHT_BROWSERS_PATH."""
    selenium_url: str | None = None
    """Where a Selenium suite finds its browsers, such as ``http://selenium:4444``."""
    browser: Literal["chrome", "firefox"] = "chrome"
    """For Selenium suites."""
    upload_url: str | None = None
    """Where Selenium suites send files for the browser."""

    _base: Path = PrivateAttr(default_factory=Path.cwd)

    def model_post_init(self, context: Any, /) -> None:
        if isinstance(context, dict) and "folder" in context:
            self._base = Path(context["folder"])

    @property
    def working_folder(self) -> Path:
        return (self._base / self.folder).resolve()

    @field_validator("reports")
    @classmethod
    def _inside(cls, folders: tuple[str, ...]) -> tuple[str, ...]:
        for folder in folders:
            path = PurePosixPath(folder)
            if path.is_absolute() or ".." in path.parts or not path.parts:
                raise ValueError(f"{folder!r} is not a folder inside 'folder:'; write it like target/reports")
        return folders

    @field_validator("environment")
    @classmethod
    def _leaves_the_given_alone(cls, environment: dict[str, str]) -> dict[str, str]:
        for name in environment:
            if not _VARIABLE.fullmatch(name):
                raise ValueError(f"{name!r} cannot be the name of a variable; use letters, digits and '_'")
            if name in _OURS or _GIVEN.fullmatch(name):
                raise ValueError(f"{name} is set by the check itself; remove it from 'environment:'")
        return environment

    @field_validator("author_url")
    @classmethod
    def _only_host(cls, value: str | None) -> str | None:
        return None if value is None else base_url(value)


class Suites(SiteCheck[SuitesSettings]):
    """Runs one command and reads its reports."""

    kind = "suites"
    number = "N3"
    title = "The team's own test suite"
    after = "cloud_manager_tests"
    default_on = False
    needs = "a test suite of the team: a folder and the command that runs it"
    runs_commands = True
    codes = faults(
        case_failed="a case of the suite failed",
        exit_code="the command's exit code contradicts its reports, or is not known",
        survivors="the command left processes that can't be ended",
        processes="a note: the command left processes that were ended",
        unknown_word="a report says of a case what is not known to be passed, failed or skipped",
        control_characters="a note: a report was read without characters that XML forbids",
        contradiction="a report contradicts itself",
        unreadable="a report can't be used",
        no_report="the command wrote no report",
        no_case="no case was executed",
        no_access="the suite can't log in",
        no_user="the suite can't run as the user that is set for it",
        pictures="a note: the suite left screenshots or videos",
    )
    settings_type = SuitesSettings

    async def run(self, visit: Visit) -> Judgement:
        settings = self.settings
        if not settings.working_folder.is_dir():
            return _nothing(say.no_folder(settings.name, str(settings.working_folder)))
        try:
            author, publish = _author_access(settings, visit), _publish_access(settings, visit)
        except AccessError as error:
            return _nothing(say.no_access(settings.name, str(error)))
        try:
            user = code_user()
        except CodeUserError as error:
            return _nothing(say.no_user(settings.name, str(error)))
        with own_folders("suite-", ("HOME", "TMPDIR", "REPORTS_PATH"), user) as folders:
            return await self._run_in(folders, visit, author, publish, user)

    async def _run_in(
        self,
        folders: Mapping[str, Path],
        visit: Visit,
        author: Access,
        publish: Access,
        user: CodeUser | None,
    ) -> Judgement:
        from aem_checks.commands import run_command

        given = cloud_manager_variables(self.settings, visit, author, publish)
        own = {name: str(folder) for name, folder in folders.items()}
        started = folders["TMPDIR"].stat().st_mtime
        result = await run_command(
            self.settings.run,
            folder=self.settings.working_folder,
            environment={**inherited(), **self.settings.environment, **given, **own},
            within=self._limit,
            user=user,
        )
        if result.problem:
            return _nothing(
                say.no_user(self.settings.name, f"The command was not started: {result.problem}.")
            )
        if result.is_over:
            take_back(folders["REPORTS_PATH"], user)
        aftermath = Aftermath(self.settings.name, visit, _secrets(author, publish))
        limit = format_duration(self.settings.within)
        sources = [Source(folders["REPORTS_PATH"]), *self._own_reports(started)]
        return await asyncio.to_thread(aftermath.judge, result, sources, limit)

    def _own_reports(self, started: float) -> list[Source]:
        """The report folders of the project itself, without what was in them before."""
        folder = self.settings.working_folder
        return [Source(folder / name, name, started) for name in self.settings.reports]

    @property
    def _limit(self) -> timedelta:
        """A little less than the check's own limit, so that there is time to clean up and to read reports."""
        seconds = self.settings.within.total_seconds()
        return timedelta(seconds=seconds - min(_LONGEST_MARGIN, seconds / 4))


def cloud_manager_variables(
    settings: SuitesSettings, visit: Visit, author: Access, publish: Access
) -> dict[str, str]:
    """The variables that Cloud Manager gives to UI tests, but for those of its proxy."""
    variables = {"AEM_PUBLISH_URL": visit.endpoint.url, **_login("AEM_PUBLISH", publish)}
    if (url := _author_url(settings, visit)) is not None:
        variables |= {"AEM_AUTHOR_URL": url, **_login("AEM_AUTHOR", author)}
    if settings.upload_url:
        variables["UPLOAD_URL"] = settings.upload_url
    if settings.selenium_url:
        variables |= {"SELENIUM_BASE_URL": settings.selenium_url, "SELENIUM_BROWSER": settings.browser}
    return variables


def _login(prefix: str, access: Access) -> dict[str, str]:
    user, password = access.basic or ("", "")
    return {f"{prefix}_USERNAME": user, f"{prefix}_PASSWORD": password}


def _author_url(settings: SuitesSettings, visit: Visit) -> str | None:
    if settings.author_url:
        return settings.author_url
    if visit.site.author is not None:
        return visit.site.author.url
    for url in (visit.endpoint.origin, visit.endpoint.url):
        if url and (match := _PUBLISH_HOST.fullmatch(host_of(url))):
            return f"https://author-{match.group(1)}"
    return None


def _author_access(settings: SuitesSettings, visit: Visit) -> Access:
    """Raises ``AccessError`` for a connection that is missing, holds no user or opens another host."""
    of_site = visit.site.author.access if visit.site.author else None
    name = settings.author or of_site
    if name is None:
        return NO_ACCESS
    access = visit.resolver(name)
    if access.basic is None:
        raise AccessError(f"connection {name!r} has no login and password; suites log in as a local user")
    url = _author_url(settings, visit)
    if url is None:
        raise AccessError(
            f"it is not known where to log in with {name!r}; add 'author:' with its url to the site"
        )
    return access.at(url)


def _publish_access(settings: SuitesSettings, visit: Visit) -> Access:
    access = visit.resolver(settings.publish) if settings.publish else visit.access
    return access.at(visit.endpoint.url)


def _secrets(*accesses: Access) -> tuple[str, ...]:
    """What must not stay in output and reports, the longest first; a password that equals its user is none."""
    found: set[str] = set()
    for access in accesses:
        user, password = access.basic or ("", "")
        found |= access.secrets - {user}
        if password and password != user:
            found |= {password, quote(password, safe="")}
    return tuple(sorted(found, key=len, reverse=True))


def _nothing(finding: Finding) -> Judgement:
    return Judgement(examined=0, findings=(finding,))
