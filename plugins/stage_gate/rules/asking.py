"""May this answer be taken, by this person, to this question? Pure rules; a refused answer is asked for anew."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from aem_checks.outcomes import Outcome
from stage_gate.rules.decision import APPROVE, KEEP_WAITING, OVERRIDE

SILENCE = "silence"
"""Who answered where nobody did in time."""
SEAL_SHOWN = 12
"""Characters of the seal's digest that a question shows and its answer brings back."""


@dataclass(frozen=True)
class Asked:
    """Who is asked about a verdict, for how long, and what no answer means."""

    people: tuple[str, ...]
    within: timedelta
    silence: str = KEEP_WAITING
    """An option."""


@dataclass(frozen=True)
class About:
    """The verdict that a question is about."""

    outcome: Outcome
    seal_digest: str
    not_passed: tuple[str, ...]
    started_by: str = ""
    """Whom Cloud Manager names as having started the execution; empty where it names nobody."""


@dataclass(frozen=True)
class Given:
    """An answer as it came from Airflow."""

    option: str
    user_id: str
    user_name: str
    reason: str
    accepts: str
    seal: str

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Given:
        """Read it from what resumes the task; whatever is missing is empty, and more than one option is none."""
        form, user, chosen = (
            event.get("params_input"),
            event.get("responded_by_user"),
            event.get("chosen_options"),
        )
        form = form if isinstance(form, Mapping) else {}
        return cls(
            option=str(chosen[0]) if isinstance(chosen, Sequence) and len(chosen) == 1 else "",
            user_id=_user_field(user, "id"),
            user_name=_user_field(user, "name"),
            reason=_one_line(form.get("reason")),
            accepts=_one_line(form.get("accepts")),
            seal=_one_line(form.get("seal")),
        )

    @classmethod
    def silence(cls, option: str, why: str) -> Given:
        """What stands in for an answer where nobody gave one."""
        return cls(option, SILENCE, "", why, "", "")


def may_be_asked(people: Sequence[str], started_by: str) -> tuple[str, ...]:
    """Those of the people who did not start the execution themselves."""
    return tuple(person for person in people if not _is_same(person, started_by))


def not_entitled(user_id: str, user_name: str, asked: Sequence[str], started_by: Sequence[str]) -> str | None:
    """Why this person may not answer, as a sentence; ``None`` where they may.

    The id has to be one of those who are asked; neither id nor name may be a name of whoever started the execution.
    """
    if not user_id.strip():
        return "Airflow does not say who answered."
    if user_id not in asked:
        return f"{user_id} is not among those who are asked: {', '.join(asked) or 'nobody is'}."
    if any(_is_same(name, starter) for name in (user_id, user_name) for starter in started_by):
        return f"{user_id} started this execution and can't let it through as well; somebody else has to."
    return None


def refusal(given: Given, asked: Asked, about: About) -> str | None:
    """Why this answer is not taken, as a sentence; ``None`` where it is."""
    refused = not_entitled(given.user_id, given.user_name, asked.people, (about.started_by,))
    if refused is not None:
        return refused
    if len(given.seal) < SEAL_SHOWN or not about.seal_digest.startswith(given.seal):
        return (
            f"The answer is about the verdict with seal {given.seal[:SEAL_SHOWN] or 'unknown'}; "
            f"the newest one has {about.seal_digest[:SEAL_SHOWN]}."
        )
    if not given.reason:
        return "The answer gives no reason."
    return _unfit(given, about)


def _unfit(given: Given, about: About) -> str | None:
    if not given.option:
        return "The answer does not choose one option."
    if given.option == APPROVE and about.outcome is not Outcome.PASSED:
        return f"{APPROVE} is for a passed verdict, and this one is {about.outcome}; {OVERRIDE} says what it accepts."
    if given.option != OVERRIDE:
        return None
    if about.outcome is Outcome.PASSED:
        return f"There is nothing to override: the verdict is passed; {APPROVE} approves it."
    left = [key for key in about.not_passed if key not in accepted(given, about)]
    if left:
        return (
            f"An {OVERRIDE} has to name all that it accepts, and {', '.join(left)} is missing: "
            f"write '{all_of(about)}' or each key into 'accepts'."
        )
    return None


def accepted(given: Given, about: About) -> tuple[str, ...]:
    """What an override accepts, as keys of what did not pass: those that were written, or all by the words for it."""
    if given.option != OVERRIDE:
        return ()
    if given.accepts.lower() == all_of(about):
        return about.not_passed
    written = set(re.split(r"[\s,;]+", given.accepts))
    return tuple(key for key in about.not_passed if key in written)


def all_of(about: About) -> str:
    """The words that accept everything that did not pass; they count it, so that nobody writes them unread."""
    return f"all {len(about.not_passed)} named above"


def _user_field(user: object, name: str) -> str:
    value = user.get(name) if isinstance(user, Mapping) else getattr(user, name, None)
    return str(value or "").strip()


def _one_line(value: object) -> str:
    return " ".join(str(value or "").split())


def _is_same(person: str, started_by: str) -> bool:
    """Cloud Manager names a user by an id or an e-mail address, Airflow by whatever its login does."""
    return bool(started_by.strip()) and person.strip().casefold() == started_by.strip().casefold()
