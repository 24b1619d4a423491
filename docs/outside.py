"""A hook of MkDocs: what lies in the clone and not in docs/ is named on the site, and no link, which would lead nowhere."""

from __future__ import annotations

import re
from typing import Any

_OUT_OF_DOCS = re.compile(r"\[([^\]]+)\]\(\.\./([^)#]+)[^)]*\)")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """As MkDocs calls it with the text of each page."""
    return _OUT_OF_DOCS.sub(lambda link: f"{link[1]} (`{link[2]}`)", markdown)
