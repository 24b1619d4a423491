"""Which answer of a person to a smoke test is taken? Pure rules.

A smoke test is a planned check of kind ``smoke_tests``. Its result is what a person answered, and nothing else is: it
is made from the signed answer whenever results are read, so that no mark, XCom or file of another task can stand in
for one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from aem_checks.codes import faults
from stage_gate.rules.asking import SEAL_SHOWN, Given, not_entitled
from stage_gate.rules.plan import SMOKE_TESTS

WORKS, BROKEN, CANT_SAY = "Works", "Broken", "Can't say"
OPTIONS = (WORKS, BROKEN, CANT_SAY)
CODES = faults(
    works="a note: a person tried it out and says that it works",
    broken="a person tried it out and says that it is broken",
    cant_say="a person could not say whether it works",
    silence="nobody answered in time",
    unbelieved="what is kept as an answer can't be believed",
)
"""What an answer can amount to."""


def key_of(name: str) -> str:
    """The key of a smoke test in the plan: ``smoke_tests.basket``."""
    return f"{SMOKE_TESTS}.{name}"


def about(execution_id: str, attempt: int, candidate_digest: str, settings_digest: str) -> str:
    """What a question shows and its answer brings back, so that it is an answer to this question alone."""
    told = f"{execution_id} {attempt} {candidate_digest} {settings_digest}"
    return hashlib.sha256(told.encode()).hexdigest()[:SEAL_SHOWN]


def refusal(given: Given, ask: Iterable[str], started_by: str, about: str) -> str | None:
    """Why this answer is not taken, as a sentence; ``None`` where it is."""
    refused = not_entitled(given.user_id, given.user_name, tuple(ask), (started_by,))
    if refused is not None:
        return refused
    if given.seal != about:
        return f"The answer is to question {given.seal[:SEAL_SHOWN] or 'unknown'}, and this one is {about}."
    if given.option not in OPTIONS:
        return "The answer does not choose one option."
    if not given.reason:
        return "The answer does not say what was seen."
    return None
