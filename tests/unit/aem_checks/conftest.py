"""What do all tests of checks share? Whatever a check says, it has to say again from what it was told, without asking."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from aem_checks.asking import ask_then
from aem_checks.check import Check
from aem_checks.house import House
from aem_checks.means import Means
from aem_checks.outcomes import Judgement
from aem_checks.told import NotKept, keep, read


@pytest.fixture(autouse=True)
def everything_is_judged_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Live, and again from the conversation as it was kept: field by field the same."""
    live = House.lead

    async def lead(check: Check[Any], means: Means) -> Judgement:
        judged = await live(check, means)
        if not check.keeps_told:
            return judged
        again = means.visit
        with TemporaryDirectory() as folder:
            keep(means.told, Path(folder), "it")
            try:
                told = read(Path(folder), "it")
            except NotKept:
                return judged
            assert told is not None
            assert ask_then(check.judge(again), told.exchanges, again.reader()) == judged
        return judged

    monkeypatch.setattr(House, "lead", lead)
