"""How is axe-core asked about a page? Out of reach of the page's scripts; what it says is read elsewhere, strictly.

``axe_core`` holds axe.min.js as npm has it, with its licences (MPL-2.0).
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aem_checks.browser.open_page import OpenPage

TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
"""WCAG A and AA only: of the other rules, ``region`` alone fired on each of 142 pages of an official site."""
MOST_ELEMENTS = 10_000
"""Of one rule on one page. All are compared: one that is left out would be new when another is repaired."""
_RUN = r"""axe.run(document, {runOnly: {type: 'tag', values: TAGS}, resultTypes: ['violations'], elementRef: true}).then(
  found => found.violations.map(each => ({
    rule: each.id, impact: String(each.impact), help: each.help,
    elements: each.nodes.slice(0, MOST).map(node => {
      const element = node.element, of = name => (element && element.getAttribute(name)) || '';
      const text = ((element && element.textContent) || '').replace(/\s+/g, ' ').trim();
      return {
        selector: node.target.flat().join(' '),
        role: of('role') || (element ? element.localName : ''),
        text: (text || ['aria-label', 'alt', 'title', 'name', 'href', 'src'].map(of).find(Boolean) || '').slice(0, 120)
      }})})))"""


@cache
def _script() -> str:
    return (files("aem_checks.browser") / "axe_core" / "axe.min.js").read_text(encoding="utf-8")


@cache
def axe_version() -> str:
    """The release of axe-core, such as ``4.14.1``."""
    found = re.match(r"/\*! axe v([\d.]+)", _script())
    assert found is not None, "axe.min.js begins with its version"
    return found.group(1)


async def ask_axe(page: OpenPage) -> Any:
    """What axe-core answers about a page, as it answers. Raises ``PageLost``."""
    await page.load_script(_script())
    return await page.ask(_RUN.replace("TAGS", json.dumps(TAGS)).replace("MOST", str(MOST_ELEMENTS)))
