"""What a check is: a typed configuration and a conversation that ends in a judgement. A new one is one module in ``kinds``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, ClassVar, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict

from aem_checks.codes import Codes
from aem_checks.durations import Duration
from aem_checks.excuses import Excuses, switch
from aem_checks.outcomes import Severity
from aem_checks.sites import Target

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.outcomes import Judgement
    from aem_checks.visit import Visit


class CheckSettings(BaseModel):
    """What every check can be told in a gate file; a kind adds its own fields by subclassing."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    severity: Annotated[Severity | None, switch(Severity.WARN, everything=True)] = None
    """``block`` or ``warn``; the kind's own default where absent."""
    after: Literal["settled", "cloud_manager_tests"] | None = None
    """Start when stage has settled, or when Cloud Manager's own stage tests are over; the kind's own default where absent."""
    within: Duration = timedelta(minutes=10)
    """Time limit of the whole check; when it is over, the check is inconclusive."""
    dry_run: Annotated[bool, switch(True, everything=True)] = False
    """Run and report, but never block."""
    isolation: Annotated[Literal["accepted"] | None, Excuses()] = None
    """``accepted``: this code of a team runs also where it can't be isolated from the gate (docs/isolation.md). Only for
    suites and a team's own checks; every report shows it."""

    def judges_nothing(self) -> str:
        """Which settings leave nothing to judge only together, such as ``'models' and 'csrf_token'``; empty where
        something is left. What a single one of them overlooks, its type says (``aem_checks.excuses``)."""
        return ""


SettingsT = TypeVar("SettingsT", bound=CheckSettings)


class Check(ABC, Generic[SettingsT]):
    """A kind of check: it asks, the house answers (``house.House``), it judges. The class attributes describe it; an
    instance holds the settings of one gate."""

    kind: ClassVar[str]
    """The name in gate files, in snake case, for example ``client_libraries``."""
    number: ClassVar[str]
    """The number in the catalogue of checks, for example ``C3``."""
    title: ClassVar[str]
    """A few words for tables and pages."""
    codes: ClassVar[Codes] = {}
    """The faults that it can name, each by a word that is never renamed or used for another, and what that stands for.
    A team's check may leave it out: then all that it finds has one code."""
    severity: ClassVar[Severity] = Severity.BLOCK
    after: ClassVar[Literal["settled", "cloud_manager_tests"]] = "settled"
    targets: ClassVar[frozenset[Target]] = frozenset({"stage"})
    """Where it runs unless configured: production appears only in checks that are harmless there."""
    default_on: ClassVar[bool] = True
    """Whether a gate that does not name it has it; off where it ``needs`` what nobody can guess."""
    needs: ClassVar[str] = ""
    """What a team has to give before it can run, as the end of "needs …": ``a git checkout of the release``."""
    last_on_host: ClassVar[bool] = False
    """Whether it runs only after every other check of its host, since it may set off a firewall there."""
    reads_recording: ClassVar[bool] = False
    """Whether it looks at every recorded page (``asks.Read``), and so is not run without a recording."""
    opens_pages: ClassVar[bool] = False
    """Whether it looks at pages in a browser (``browser.asks.Open``)."""
    runs_commands: ClassVar[bool] = False
    """Whether it runs commands of the team."""
    keeps_told: ClassVar[bool] = True
    """Whether what it was told is kept with the evidence, so that it can be judged again; not where it looks for leaks."""
    settings_type: ClassVar[type[CheckSettings]] = CheckSettings

    def __init__(self, settings: SettingsT) -> None:
        self.settings = settings

    @property
    def weight(self) -> Severity:
        """What a finding weighs that does not say so itself: as the gate file has it, else the kind."""
        return self.settings.severity or self.severity

    @abstractmethod
    def judge(self, visit: Visit) -> Steps[Judgement]:
        """Yield what there is to know (``aem_checks.asks``), be sent the answers, and say what is wrong.

        Errors of the network are values, so findings, not exceptions.
        """

    def others(self, visit: Visit) -> Mapping[str, str | None]:
        """Addresses that the gate file names for this check beside those of the site, with the connection that opens
        each, if any: it may ask them, too. That of the target is opened as the target is."""
        return {}

    def pages_among(self, recorded: tuple[str, ...]) -> tuple[str, ...]:
        """Those of the recorded pages, by path, that it looks at; what the report on coverage counts as tested by it."""
        return recorded if self.reads_recording else ()
