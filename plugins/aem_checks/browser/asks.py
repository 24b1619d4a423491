"""What may a check ask of a page in a browser? ``Open`` is the question, ``PageSeen`` or ``Unopened`` the answer.

All of it is plain data, so that what was seen can be kept, and judged again without a browser. How it is answered live
is said by ``sharing`` (who shares a visit of a page) and ``looks`` (what is done with an open page).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

from aem_checks.asks import Question
from aem_checks.browser.blob import Blob
from aem_checks.browser.open_page import DESKTOP, Viewport
from aem_checks.browser.seen import Asked, Complaint, Seen


@dataclass(frozen=True)
class Look:
    """One thing that is looked at while a page is open. ``order``: what disturbs others comes after them."""

    order: ClassVar[int] = 1


@dataclass(frozen=True)
class Value(Look):
    """The JSON value of an expression, in a world that the page's scripts can't touch; see ``OpenPage.ask``."""

    expression: str


@dataclass(frozen=True)
class DataLayer(Look):
    """How many entries a global list of the page has, ``None`` where there is none. The page's own scripts hold it."""

    name: str


@dataclass(frozen=True)
class Cookies(Look):
    """The names of the cookies that are set."""


@dataclass(frozen=True)
class Axe(Look):
    """What axe-core answers, as it answers; the page could have had a hand in it."""

    order: ClassVar[int] = 2


@dataclass(frozen=True)
class Picture(Look):
    """A PNG of the whole page, a ``Blob``. Two where the first differs from the one of the baseline.

    ``masks``: CSS selectors of what is covered; ``like``: the name of the baseline's picture, empty for none; ``most``:
    the share of pixels beyond which they differ.
    """

    order: ClassVar[int] = 3

    masks: tuple[str, ...] = ()
    like: str = ""
    most: float = 0.0


@dataclass(frozen=True)
class Banner(Look):
    """Whether a banner is shown, and once more when ``choose`` in it was clicked and the page opened again.

    Answered by ``{"shown": …, "again": …, "said": …}``; the last says why it could not be seen or clicked.
    """

    order: ClassVar[int] = 4

    banner: str
    choose: str = ""


@dataclass(frozen=True)
class Open(Question["PageSeen | Unopened"]):
    """A page of the site, asked past all caches and looked at once it is quiet."""

    path: str
    viewport: Viewport = DESKTOP
    looks: tuple[Look, ...] = ()
    """Answered in this order."""
    warm: bool = False
    """Whether files of the pages before may come from the browser's cache, which spares the site most requests."""
    slow: bool = False
    """As a phone on a slow line shows it."""
    alone: bool = False
    """While no other browser of any gate runs on this machine, for measuring."""
    click: str = ""
    """CSS selector of what is clicked before it is looked at."""
    production: bool = False
    """That of production, for a check that compares with it; it is opened without credentials."""


@dataclass(frozen=True)
class Handwriting(Question["str | Unopened"]):
    """A digest of how this machine draws letters; pictures of machines with different ones can't be compared."""

    viewport: Viewport = DESKTOP


@dataclass(frozen=True)
class Audit(Question["Audited | Unopened"]):
    """A page of the site as Lighthouse measures it, a phone on a slow line, while no browser of any gate runs here.

    Answered by ``Unopened`` with the reason ``NO_LIGHTHOUSE`` where it is not on this machine.
    """

    path: str


class Reason(StrEnum):
    """Why a page shows nothing that can be judged."""

    STATUS = "status"
    """It is answered with a status that is none of a page."""
    LOST = "lost"
    """Chromium can't show it, or loses it while it is looked at."""
    LATE = "late"
    """The check's time was over before."""
    NO_BROWSER = "no_browser"
    """No Chromium starts on this machine."""
    NO_LIGHTHOUSE = "no_lighthouse"
    """No Lighthouse is on this machine that can run."""
    BUSY = "busy"
    """No other browser ended for so long that none was free."""


@dataclass(frozen=True)
class Unopened:
    """No page."""

    reason: Reason
    why: str = ""
    """The end of a sentence."""
    status: int = 0
    """Of the page, 0 where nothing answered."""
    refused: tuple[str, ...] = ()
    """Hosts that it wanted and the gate does not contact."""


@dataclass(frozen=True)
class Audited:
    """A page as Lighthouse saw it."""

    report: Blob
    """Lighthouse's own, as JSON; the page could have had a hand in it."""
    refused: tuple[str, ...] = ()
    """Hosts that it wanted and the gate does not contact."""


@dataclass(frozen=True)
class PageSeen:
    """A page as it was when it was quiet, before anything was done with it but a ``click``."""

    status: int
    slow: bool
    """Whether it was still loading after ``LOAD_SECONDS``."""
    asked_for: Blob
    """What ``traffic`` reads."""
    looks: tuple[Any, ...] = ()
    """What each look of the question saw."""
    refused: tuple[str, ...] = ()
    """Hosts that it wanted and the gate does not contact, to the end of the looks."""
    clicked: bool = True
    """Whether what ``click`` names was there."""

    def traffic(self) -> Seen:
        """What it asked for and complained of. Raises what a ``Blob`` raises, and ``ValueError``."""
        content = json.loads(self.asked_for.read())
        return Seen(
            requests=[Asked(**each) for each in content["requests"]],
            complaints=[Complaint(**each) for each in content["complaints"]],
        )


OfBrowser = Open | Handwriting | Audit
"""What a browser is asked."""


def traffic_of(seen: Seen) -> bytes:
    """What ``PageSeen.traffic`` reads."""
    requests = [_telling(each, _USUAL) for each in seen.requests]
    complaints = [vars(each) for each in seen.complaints]
    return json.dumps({"requests": requests, "complaints": complaints}).encode()


def _telling(asked: Asked, usual: Asked) -> dict[str, Any]:
    values = vars(usual)
    return {name: value for name, value in vars(asked).items() if name == "kind" or value != values[name]}


_USUAL = Asked("", "")
