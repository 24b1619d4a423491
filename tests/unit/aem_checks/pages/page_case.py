"""What is one page of the corpus: what was answered, and what is right for each check to say of it?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

STAGE = "https://publish-p12345-e67890.adobeaemcloud.com"
PRODUCTION = "https://www.larkfell.example"
HASH = "3f1c0a9d5b7e24681357acdf9b8e6042"
STYLE = f"/etc.clientlibs/larkfell/clientlibs/clientlib-site.lc-{HASH}-lc.min.css"
SCRIPT = f"/etc.clientlibs/larkfell/clientlibs/clientlib-site.lc-{HASH}-lc.min.js"


@dataclass(frozen=True, eq=False)
class Case:
    """One page in a shape that a tool or a project writes, and the right judgement of every check."""

    name: str
    what: str
    html: str | bytes
    path: str = "/us/en/walks.html"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    """Beside a ``Content-Type`` of UTF-8 HTML, which they may replace."""
    lacks: tuple[str, ...] = ()
    """Paths of the site that answer 404; all else that the page names is there."""
    blocks: Mapping[str, str] = field(default_factory=dict)
    """By kind: the codes of what has to fail with severity ``block``."""
    warns: Mapping[str, str] = field(default_factory=dict)
    """By kind: the codes of what has to fail as a warning."""
    no_answer: Mapping[str, str] = field(default_factory=dict)
    """By kind: the codes of what can't be judged."""

    @property
    def is_good(self) -> bool:
        """Whether a release with this page is a good one."""
        return not self.blocks
