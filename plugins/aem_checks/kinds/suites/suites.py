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

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, PrivateAttr, field_validator

from aem_checks.access_names import AccessName
from aem_checks.asks import Command, Login, ask
from aem_checks.check import Check, CheckSettings
from aem_checks.codes import faults
from aem_checks.durations import Duration, format_duration
from aem_checks.kinds.suites import _suite_findings as say
from aem_checks.kinds.suites._suite_aftermath import Aftermath
from aem_checks.outcomes import Judgement
from aem_checks.sites import Name, base_url
from aem_checks.urls import host_of

if TYPE_CHECKING:
    from aem_checks.asks import Steps
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


class Suites(Check[SuitesSettings]):
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

    def judge(self, visit: Visit) -> Steps[Judgement]:
        settings = self.settings
        ran = yield from ask(
            Command(
                settings.name,
                settings.run,
                str(settings.working_folder),
                self._limit.total_seconds(),
                {**settings.environment, **cloud_manager_variables(settings, visit)},
                tuple(_logins(settings, visit)),
                settings.reports,
            )
        )
        if ran.not_run is not None:
            finding = say.not_run(settings.name, str(settings.working_folder), ran)
            return Judgement(examined=0, findings=(finding,))
        return Aftermath(settings.name, ran).judge(format_duration(settings.within))

    @property
    def _limit(self) -> timedelta:
        """A little less than the check's own limit, so that there is time to clean up and to read reports."""
        seconds = self.settings.within.total_seconds()
        return timedelta(seconds=seconds - min(_LONGEST_MARGIN, seconds / 4))


def cloud_manager_variables(settings: SuitesSettings, visit: Visit) -> dict[str, str]:
    """The variables that Cloud Manager gives to UI tests, but for logins and those of its proxy."""
    variables = {"AEM_PUBLISH_URL": visit.endpoint.url}
    if (url := _author_url(settings, visit)) is not None:
        variables["AEM_AUTHOR_URL"] = url
    if settings.upload_url:
        variables["UPLOAD_URL"] = settings.upload_url
    if settings.selenium_url:
        variables |= {"SELENIUM_BASE_URL": settings.selenium_url, "SELENIUM_BROWSER": settings.browser}
    return variables


def _logins(settings: SuitesSettings, visit: Visit) -> Iterator[Login]:
    """A user of author where there is one to log in to, and one of the target."""
    name = settings.author or (visit.site.author.access if visit.site.author else None)
    url = _author_url(settings, visit)
    if name or url:
        yield Login("AEM_AUTHOR", url, name, as_user=True)
    yield Login("AEM_PUBLISH", visit.endpoint.url, settings.publish, of_target=True)


def _author_url(settings: SuitesSettings, visit: Visit) -> str | None:
    if settings.author_url:
        return settings.author_url
    if visit.site.author is not None:
        return visit.site.author.url
    for url in (visit.endpoint.origin, visit.endpoint.url):
        if url and (match := _PUBLISH_HOST.fullmatch(host_of(url))):
            return f"https://author-{match.group(1)}"
    return None
