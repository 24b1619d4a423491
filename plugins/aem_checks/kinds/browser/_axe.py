"""What does axe-core say of a page, read strictly, since the page could have had a hand in it?"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

if TYPE_CHECKING:
    from aem_checks.browser.open_page import OpenPage

TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
"""WCAG A and AA only: of the other rules, ``region`` alone fired on each of 142 pages of an official site."""
GRAVE = frozenset({"serious", "critical"})
_MOST_NODES = 200
_RUN = """axe.run(document, {runOnly: {type: 'tag', values: TAGS}, resultTypes: ['violations']}).then(
  found => found.violations.map(each => ({
    rule: each.id, impact: String(each.impact), help: each.help,
    targets: each.nodes.slice(0, MOST).map(node => node.target.flat().join(' '))})))"""


class AxeError(RuntimeError):
    """axe-core gave no answer that can be read; the message is the end of a sentence."""


class Violation(BaseModel):
    """One rule that a page breaks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: str
    impact: str
    help: str
    targets: tuple[str, ...]
    """CSS selectors of the elements."""


class Violations(BaseModel):
    """What was found on each page; kept for the next release to compare with."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    pages: dict[str, tuple[Violation, ...]]

    @classmethod
    def read(cls, content: bytes | None) -> Violations | None:
        """``None`` where there is none, or none that can be read."""
        try:
            return None if content is None else cls.model_validate_json(content)
        except ValidationError:
            return None


@cache
def _script() -> str:
    return (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")


async def ask_axe(page: OpenPage) -> tuple[Violation, ...]:
    """Run axe-core on a page, out of reach of its scripts. Raises ``PageLost`` and ``AxeError``."""
    await page.load_script(_script())
    run = _RUN.replace("TAGS", json.dumps(TAGS)).replace("MOST", str(_MOST_NODES))
    answer = await page.ask(run)
    try:
        return tuple(Violation.model_validate(each) for each in answer)
    except (ValidationError, TypeError) as error:
        raise AxeError(f"axe-core's answer can't be read ({type(error).__name__})") from error
