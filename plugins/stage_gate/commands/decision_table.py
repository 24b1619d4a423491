"""What does the gate do in which case? docs/decisions.md, written from the rules themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from adobe_cloud_manager.questions import Approval
from aem_checks.outcomes import Outcome
from stage_gate.rules.asking import SILENCE
from stage_gate.rules.decision import (
    APPROVE,
    HALT,
    HOTFIX,
    OVERRIDE,
    Action,
    Command,
    Event,
    GoLive,
    Mode,
    Phase,
    Policy,
    Step,
    Timing,
    after,
    command,
    next_step,
)
from stage_gate.rules.proof import (
    Answer,
    Entitled,
    Proof,
    refusal_to_approve,
    refusal_to_halt,
    refusal_to_override,
)

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "decisions.md"

INTRODUCTION = """\
# What the gate decides, and why

<!-- Written by `python -m stage_gate docs` from decision.py and proof.py. A test holds this file to the code. -->

For whoever is on call and wants to know why production waits.

1. Open the run `execution-<id>` of the gate in Airflow. `decide` says in its last line which way the run took: find
   that sentence in *After the verdict*.
2. If an acting task (`approve_production`, `override_production`, `halt_production`) failed, its last line begins with
   *Production is held*. Find the rest of it under *What refuses an act*. Nothing was sent, unless the line says that a
   request may have been.
3. A held production is safe: Cloud Manager waits up to 14 days. Deciding in Cloud Manager yourself is always possible;
   the run notices.

Acting tasks may be cleared at any time: they prove their right again and send nothing twice.

"""
_STEPS = """\
## After the verdict

Where `decide` goes. *Policy* is what the gate file wants for this verdict: approve is possible for passed only, halt for
anything else. No verdict (none) counts as inconclusive. *Clock*: inside or outside the gate's window, and whether the evidence
is too old. `{live}` stands for what Cloud Manager says of production, `{calendar}` for the rule that closes the window,
`{age}` for the age of the evidence, `{verdict}` for the verdict.
"""
_PROTOCOL = """\
## How an act is carried out

Each acting task walks this road by itself, beginning at *pinned* whenever it starts again. Only *{sending}* sends, and
no way leads back to it once a request may have left.
"""
_REFUSED = """\
## What refuses an act

Checked on what the acting task has read for itself just now. The sentence is what the log says.
"""

_ANY = "any"
_CLOCKS = {
    "in the window": (Timing(), False),
    "outside": (Timing(False, "{calendar}"), False),
    "outside (hotfix possible)": (Timing(False, "{calendar}"), True),
    "too old": (Timing(too_old="{age}"), False),
    "outside and too old": (Timing(False, "{calendar}", too_old="{age}"), True),
}
_VERDICTS: Mapping[str, Outcome | None] = {**{str(each): each for each in Outcome}, "none": None}
_POSSIBLE: Mapping[str, tuple[Action, ...]] = {
    verdict: tuple(
        each for each in Action if each is not (Action.HALT if outcome is Outcome.PASSED else Action.APPROVE)
    )
    for verdict, outcome in _VERDICTS.items()
}
"""What a gate file can want for a verdict."""
_DIMENSIONS: Sequence[tuple[str, Sequence[str]]] = (
    ("Production approval", (*Approval, "production begun")),
    ("Mode", tuple(Mode)),
    (
        "Verdict: policy",
        tuple(f"{verdict}: {action}" for verdict, each in _POSSIBLE.items() for action in each),
    ),
    ("Clock", tuple(_CLOCKS)),
)
Row = tuple[str, ...]


def document() -> str:
    """The whole document, the same for the same code."""
    steps = _table([*(name for name, _ in _DIMENSIONS), "Next", "Sentence"], _step_rows(()))
    protocol = _table(["Phase", "Does", "What may come of it"], _protocol_rows())
    refused = _table(["What is not right", "Refuses", "Sentence"], _refusal_rows())
    sending = next(phase for phase in Phase if command(phase) is Command.SEND)
    told = _PROTOCOL.format(sending=sending)
    return f"{INTRODUCTION}{_STEPS}\n{steps}\n{told}\n{protocol}\n{_REFUSED}\n{refused}"


def _table(head: Sequence[str], rows: Iterator[Row]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _step_rows(fixed: Row) -> Iterator[Row]:
    """The rows for these first values; values with the same rows behind them share theirs."""
    if len(fixed) == len(_DIMENSIONS):
        yield from _step(fixed)
        return
    groups: dict[tuple[Row, ...], list[str]] = {}
    values_of = _DIMENSIONS[len(fixed)][1]
    for value in values_of:
        rows = tuple(_step_rows((*fixed, value)))
        groups.setdefault(rows, []).append(value)
    for rows, values in groups.items():
        name = _ANY if len(values) == len(values_of) else " / ".join(_folded(values))
        yield from ((name, *row) for row in rows)


def _folded(values: Sequence[str]) -> Iterator[str]:
    """The values, with verdicts that share their policies written together: ``failed, inconclusive: halt``."""
    wanted: dict[str, list[str]] = {}
    for value in values:
        verdict, _, action = value.partition(": ")
        if action:
            wanted.setdefault(verdict, []).append(action)
        else:
            yield value
    alike: dict[str, list[str]] = {}
    for verdict, actions in wanted.items():
        told = "any" if len(actions) == len(_POSSIBLE[verdict]) else ", ".join(actions)
        alike.setdefault(told, []).append(verdict)
    yield from (f"{', '.join(verdicts)}: {told}" for told, verdicts in alike.items())


def _step(case: Row) -> Iterator[Row]:
    """Step and sentence of one case."""
    approval, mode, wanted, clock = case
    verdict, _, action = wanted.partition(": ")
    outcome = _VERDICTS[verdict]
    timing, hotfix = _CLOCKS[clock]
    policy = _policy(outcome or Outcome.INCONCLUSIVE, Action(action), hotfix)
    begun = approval == "production begun"
    live = GoLive(Approval.UNCLEAR if begun else Approval(approval), "{live}", begun)
    step, sentence = next_step(outcome, live, policy, Mode(mode), timing)
    told = sentence.replace(f"verdict is {outcome or Outcome.INCONCLUSIVE}", "verdict is {verdict}")
    yield (f"`{step}`" if step is not Step.REPORT else "the report", told)


def _policy(outcome: Outcome, action: Action, hotfix: bool) -> Policy:
    changed: dict[str, Any] = {outcome.value: action}
    return replace(Policy(hotfix=hotfix), **changed)


def _protocol_rows() -> Iterator[Row]:
    for phase in Phase:
        doing = command(phase)
        ways = ", ".join(f"{event} → *{_after(phase, event)}*" for event in Event if _after(phase, event))
        yield (f"*{phase}*", str(doing) if doing else "the end", ways)


def _after(phase: Phase, event: Event) -> Phase | None:
    try:
        return after(phase, event)
    except ValueError:
        return None


_PROOF = Proof(
    mode=Mode.GUARD,
    policy=Policy(),
    seal_digest="seal",
    sealed_outcome=Outcome.PASSED,
    recomputed_outcome=Outcome.PASSED,
    not_passed=(),
    changes=(),
    doubts=(),
    golive=GoLive(Approval.WAITING, "It waits."),
    timing=Timing(),
    entitled=Entitled(release_managers=("alice",), hotfix=("alice",)),
)
_FAILED = replace(
    _PROOF,
    sealed_outcome=Outcome.FAILED,
    recomputed_outcome=Outcome.FAILED,
    not_passed=("key_pages",),
    policy=Policy(failed=Action.ASK),
)
_ALLOWED: Mapping[str, tuple[Callable[[Proof], str | None], Proof]] = {
    "approve": (refusal_to_approve, _PROOF),
    "approve by a person": (
        refusal_to_approve,
        replace(_PROOF, policy=Policy(passed=Action.ASK), answer=Answer(APPROVE, "alice", "Go.", "seal")),
    ),
    "release now": (
        refusal_to_approve,
        replace(_PROOF, timing=Timing(False, "{calendar}"), answer=Answer(HOTFIX, "alice", "Go.", "seal")),
    ),
    "override": (
        refusal_to_override,
        replace(_FAILED, answer=Answer(OVERRIDE, "alice", "Known.", "seal", ("key_pages",))),
    ),
    "halt": (refusal_to_halt, replace(_FAILED, policy=Policy())),
    "halt by a person": (refusal_to_halt, replace(_FAILED, answer=Answer(HALT, "alice", "No.", "seal"))),
}
"""Each act with everything in place."""


def _answered(**changed: Any) -> Callable[[Proof], Proof]:
    return lambda proof: replace(proof, answer=replace(proof.answer, **changed)) if proof.answer else proof


def _with(**changed: Any) -> Callable[[Proof], Proof]:
    return lambda proof: replace(proof, **changed)


WRONG: Mapping[str, Callable[[Proof], Proof]] = {
    "The gate, as pinned or as its file is now, is in shadow mode": _with(mode=Mode.SHADOW),
    "The approval does not wait (any more)": _with(golive=GoLive(Approval.UNCLEAR, "{live}")),
    "The sealed results do not amount to the sealed verdict": _with(recomputed_outcome=Outcome.INCONCLUSIVE),
    "Something can't be made sure: signature, clock, the deployment's minimum": _with(doubts=("{doubt}",)),
    "Release or stage changed since the tests": _with(changes=("{change}",)),
    "The evidence is too old": _with(timing=Timing(too_old="{age}")),
    "The calendar is closed": _with(timing=Timing(False, "{calendar}")),
    "A person answered Halt, to whichever verdict, and no person otherwise since": _with(halt="{halt}"),
    "The verdict is failed": _with(sealed_outcome=Outcome.FAILED, recomputed_outcome=Outcome.FAILED),
    "The verdict is inconclusive": _with(
        sealed_outcome=Outcome.INCONCLUSIVE, recomputed_outcome=Outcome.INCONCLUSIVE
    ),
    "The verdict is passed": _with(sealed_outcome=Outcome.PASSED, recomputed_outcome=Outcome.PASSED),
    "The policy holds whatever the verdict": _with(policy=Policy(Action.HOLD, Action.HOLD, Action.HOLD)),
    "Nobody has answered": _with(answer=None),
    "The answer was for another act": _answered(option="Keep waiting"),
    "The answer was to an earlier verdict": _answered(seal_digest="another"),
    "Airflow names no person, or the reason is empty": _answered(reason=""),
    "Somebody answered who is not asked": _answered(by="mallory"),
    "Whoever answered had started the execution": _with(entitled=replace(_PROOF.entitled, never=("alice",))),
    "Nobody answered in time": _answered(by=SILENCE),
    "The override does not name all that did not pass": _answered(accepts=()),
}
"""What can be wrong, and how it looks in a proof."""


def _refusal_rows() -> Iterator[Row]:
    for what, breaks in WRONG.items():
        said: dict[str, list[str]] = {}
        for act, (refusal, proof) in _ALLOWED.items():
            sentence = refusal(breaks(proof))
            if sentence:
                said.setdefault(sentence, []).append(act)
        for sentence, acts in said.items():
            refused = "every act" if len(acts) == len(_ALLOWED) else ", ".join(acts)
            yield what, refused, sentence
