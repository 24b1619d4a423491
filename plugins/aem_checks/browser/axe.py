"""How is axe-core asked about a page? Out of reach of the page's scripts; what it says is read elsewhere, strictly."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aem_checks.browser.open_page import OpenPage

TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
"""WCAG A and AA only: of the other rules, ``region`` alone fired on each of 142 pages of an official site."""
_MOST_NODES = 200
_RUN = """axe.run(document, {runOnly: {type: 'tag', values: TAGS}, resultTypes: ['violations']}).then(
  found => found.violations.map(each => ({
    rule: each.id, impact: String(each.impact), help: each.help,
    targets: each.nodes.slice(0, MOST).map(node => node.target.flat().join(' '))})))"""


@cache
def _script() -> str:
    return (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")


async def ask_axe(page: OpenPage) -> Any:
    """What axe-core answers about a page, as it answers. Raises ``PageLost``."""
    await page.load_script(_script())
    return await page.ask(_RUN.replace("TAGS", json.dumps(TAGS)).replace("MOST", str(_MOST_NODES)))
