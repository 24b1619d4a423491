"""How are several questions asked at the same time? By a few threads, since one slow answer must not delay all others."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

AT_ONCE = 4
"""Questions that are asked at the same time."""


def ask_all(questions: Iterable[Callable[[], T]]) -> list[T]:
    """Every answer, in the order of the questions. Raises the first error."""
    if AT_ONCE == 1:
        return [question() for question in questions]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        return [answer.result() for answer in [threads.submit(question) for question in questions]]
