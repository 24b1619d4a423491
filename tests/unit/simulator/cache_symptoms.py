"""What does each defect of caches and speed show?"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import count

from simulator.aem import AemEnvironment
from simulator.aem.defects import PAGE
from simulator.aem.defects.caches import OLD_AT_CDN, OLD_BEHIND, SLUGGISH
from simulator.aem.publish import ACCOUNT
from unit.simulator.aem_visitor import ask

HOME = "/us/en.html"
_turns = count()


def _never_from_cache(target: str) -> Callable[[AemEnvironment], bool]:
    return lambda aem: [ask(aem, target).headers.get("x-cache") for _ in range(2)][-1] == "MISS"


def _lifetime(target: str, value: str) -> Callable[[AemEnvironment], bool]:
    return lambda aem: ask(aem, target).headers.get("cache-control") == value


def _short_library(aem: AemEnvironment) -> bool:
    found = re.search(rb"/etc\.clientlibs/[^\"]+\.lc-[^\"]+\.css", ask(aem, HOME).body)
    return (
        found is not None and ask(aem, found.group().decode()).headers.get("cache-control") == "max-age=300"
    )


SYMPTOMS: dict[str, Callable[[AemEnvironment], bool]] = {
    "cookie_on_page": lambda aem: "set-cookie" in ask(aem, PAGE).headers,
    "account_cached": lambda aem: ask(aem, ACCOUNT).status == 200,
    "html_for_a_year": _lifetime(HOME, "max-age=31536000"),
    "clientlib_short_lived": _short_library,
    "vary_user_agent": lambda aem: ask(aem, HOME).headers.get("vary") == "User-Agent",
    "never_hit": _never_from_cache(HOME),
    "marketing_parameter_missed": lambda aem: (
        _never_from_cache(f"{HOME}?utm_source=letter")(aem) and not _never_from_cache(HOME)(aem)
    ),
    "old_page_at_cdn": lambda aem: OLD_AT_CDN.encode() in ask(aem, PAGE).body,
    "old_page_behind_cdn": lambda aem: OLD_BEHIND.encode() in ask(aem, PAGE).body,
    "sluggish": lambda aem: ask(aem, f"{HOME}?turn={next(_turns)}").delay == SLUGGISH,
}
