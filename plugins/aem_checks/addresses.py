"""Which absolute URL does a page mean by what it wrote?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from aem_checks.urls import join, plain_url

if TYPE_CHECKING:
    from aem_checks.response import Response

_FROM_THE_ROOT = re.compile(r"(?:/[\w~-][\w.~-]*+)++", re.ASCII)
"""How most pages write their files: where that leads is said without taking both apart, which takes far longer."""
_ORIGIN = re.compile(r"https?://[\w.:-]+(?=/)", re.ASCII)
_FOREIGN_SCHEME = re.compile(r"^(?!https?:)[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_LONGEST_SRCSET = 65536
"""Characters of one ``srcset`` that are read."""


def base_of(response: Response) -> str:
    """What relative URLs of a page start from: its ``<base href>``, else its own address."""
    page = plain_url(response.url)
    written = response.in_utf8
    if b"<base" not in written and b"<BASE" not in written:
        return page
    node = response.document.css_first("base[href]")
    return absolute(page, (node.attributes.get("href") or "") if node else "") or page


def absolute(base: str, written: str) -> str:
    """The absolute URL without fragment; empty for ``data:``, ``mailto:`` and nothing at all.

    What can't be read stays as it was written; ``urls.fault_of`` says what is wrong with it.
    """
    written = written.strip()
    if not written or written.startswith("#") or _FOREIGN_SCHEME.match(written):
        return ""
    if _FROM_THE_ROOT.fullmatch(written) and (origin := _ORIGIN.match(base)):
        return f"{origin.group()}{written}"
    return join(base, written).partition("#")[0]


def candidates(srcset: str) -> Iterator[str]:
    """The URLs of a ``srcset``; a URL may contain commas, as those of Dynamic Media do."""
    rest = srcset[:_LONGEST_SRCSET]
    while rest := rest.lstrip(", \t\r\n\f"):
        url, *after = rest.split(None, 1)
        rest = after[0] if after else ""
        if url.endswith(","):
            yield url.rstrip(",")
        else:
            yield url
            rest = rest.partition(",")[2]
