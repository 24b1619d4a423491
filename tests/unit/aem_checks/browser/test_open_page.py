"""When is a page quiet again after something was done to it? In looks, not in seconds: no browser is needed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from aem_checks.browser.open_page import OpenPage
from aem_checks.browser.seen import Asked, Seen


def looks_until_quiet(monkeypatch: pytest.MonkeyPatch, happens: Callable[[int, Seen], None]) -> int:
    """How often is a page looked at to which, before the look of each number, this happens?"""
    seen, looks = Seen(requests=[Asked("https://site.test/before", "Document")]), 0

    async def sleep(seconds: float) -> None:
        nonlocal looks
        looks += 1
        happens(looks, seen)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    nowhere: Any = None
    asyncio.run(OpenPage("https://site.test/", nowhere, nowhere, seen, str).quiet_again())
    return looks


def test_a_page_that_asks_for_nothing_is_quiet_after_half_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    assert looks_until_quiet(monkeypatch, lambda look, seen: None) == 5


def test_what_is_asked_a_little_later_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def happens(look: int, seen: Seen) -> None:
        if look == 4:
            seen.requests.append(Asked("https://tags.test/collect", "Fetch"))
        if look == 9:
            seen.requests[-1].finished = True

    assert looks_until_quiet(monkeypatch, happens) == 9 + 4


def test_a_request_that_never_ends_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    def happens(look: int, seen: Seen) -> None:
        if look == 1:
            seen.requests.append(Asked("https://chat.test/poll", "XHR"))

    assert looks_until_quiet(monkeypatch, happens) == 30
