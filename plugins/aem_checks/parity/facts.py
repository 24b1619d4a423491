"""What does one answer say, fact by fact: status, redirect, headers, and what its body shows?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from aem_checks.parity.rules import Normaliser

if TYPE_CHECKING:
    from aem_checks.parity.page_facts import Memory
    from aem_checks.response import Response

Fact = tuple[str, str]
"""A field, such as ``title`` or ``component cmp-teaser``, and one value of it."""
Facts = frozenset[Fact]
MOST_FACTS = 20_000
"""Facts of one answer; what is beyond is left out, and said."""
_REMEMBERED = 500_000
STATUS = "status"
TYPE = "content type"
ALONE = frozenset({STATUS, TYPE})
"""Where one of these differs, all else does too and is not listed."""


@dataclass(frozen=True)
class Reader:
    """Turns answers into facts. ``present`` names headers of which only the presence counts, ``valued`` those
    whose value does too."""

    rules: Normaliser
    present: tuple[str, ...] = ()
    valued: tuple[str, ...] = ()
    _known: dict[Fact, Fact] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def _memory(self) -> Memory:
        from aem_checks.parity.page_facts import Memory

        return Memory(self.rules)

    def read(self, response: Response) -> Facts:
        """The facts of one answer; only status, redirect and headers of one that is no page."""
        from aem_checks.parity.model_facts import model_facts
        from aem_checks.parity.page_facts import page_facts

        facts = set(self._of_answer(response))
        if response.status == 200 and response.error is None:
            if response.is_html:
                page_facts(response, self._memory, facts)
            elif response.is_json:
                facts |= model_facts(response.text)
        if len(facts) > MOST_FACTS:
            facts = {*sorted(facts)[:MOST_FACTS], ("size", f"more than {MOST_FACTS} facts")}
        known = self._known
        if len(known) > _REMEMBERED:
            known.clear()
        return frozenset([known.setdefault(fact, fact) for fact in facts])

    def _of_answer(self, response: Response) -> Iterator[Fact]:
        yield STATUS, str(response.status)
        yield TYPE, response.content_type
        location = response.location
        if location is not None:
            yield "redirect", self.rules(location)
        for name in self.present:
            if name in response.headers:
                yield f"header {name}", "sent"
        for name in self.valued:
            if name in response.headers:
                yield f"header {name}", self.rules(", ".join(response.headers.getall(name)).lower())
