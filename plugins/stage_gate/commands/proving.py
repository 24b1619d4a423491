"""What does the evidence of one execution prove? Each seal, each answer and the decision, one after the other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import ValidationError

from aem_checks.config import GATE_KEYS
from aem_checks.text import plain
from stage_gate.commands.bundle import attempts_in
from stage_gate.commands.deciding import refusal_of_decision
from stage_gate.commands.diagnosis import Diagnosis, bad, good
from stage_gate.commands.proving_tickets import ASK, KEY, carried_out_after_all, ticketed
from stage_gate.configuration.gate import GateSettings
from stage_gate.configuration.gate_file import gate_digest
from stage_gate.evidence.files import EvidenceError, read
from stage_gate.evidence.kept_decisions import (
    CARRIED_OUT,
    DecisionRecord,
    StoredAnswer,
    read_answer,
    read_decision,
    read_record,
    read_retest,
    standing_halt,
)
from stage_gate.evidence.seal import MANIFEST, Sealed, code_digests, read_seal
from stage_gate.evidence.signing import Keys, Signature, open_signed
from stage_gate.evidence.store import Evidence
from stage_gate.rules.decision import RETEST
from stage_gate.rules.verdict import Verdict, judge


def prove(folder: Path, keys: Keys) -> Iterator[Diagnosis]:
    """A line for everything that was looked at, in the order of the story. Never raises for bad evidence."""
    attempts = attempts_in(folder)
    seals = []
    for number, attempt in attempts:
        lines, sealed = _attempt(number, attempt, keys)
        yield from lines
        seals += [sealed] if sealed else []
        if sealed is not None and sealed.plan.baseline is not None:
            yield _compared_with(sealed, attempt, keys)
    if attempts[0][1] == folder:
        yield good("attempt", "it is here alone: pin, answers, ticket and decision were not looked at")
        return
    if [number for number, _ in attempts] != list(range(1, len(attempts) + 1)):
        yield bad("attempts", f"there are {_listed(n for n, _ in attempts)} only", ASK)
    yield from _one_execution(seals)
    yield from _records(_Files(folder, keys, seals), seals, len(attempts))


def _compared_with(sealed: Sealed, attempt: Path, keys: Keys) -> Diagnosis:
    """What an attempt was compared with: proven where that release lies in the same store, else only named."""
    pinned = sealed.plan.baseline
    assert pinned is not None, "asked only of an attempt that was compared"
    what = f"attempt {sealed.attempt}"
    named = f"was compared with {pinned}, attempt {pinned.attempt}, seal {pinned.seal_digest[:12]}"
    folder = attempt.parent.parent / f"execution-{pinned.execution_id}" / f"attempt-{pinned.attempt}"
    if not (folder / MANIFEST).exists():
        return good(what, f"{named}, which is not in this bundle")
    try:
        other = read_seal(folder, pinned.attempt, keys)
    except EvidenceError as error:
        return bad(what, f"{named}, which is not what it was: {error}", ASK)
    told = (other.manifest.gate, other.manifest.execution_id, other.digest)
    if told != (sealed.manifest.gate, pinned.execution_id, pinned.seal_digest):
        return bad(what, f"{named}, and beside it lies another one", ASK)
    if other.signature is not Signature.TRUSTED:
        return bad(what, f"{named}, whose seal is {other.signature}", KEY)
    return good(what, f"{named}, which lies beside it unchanged; signed")


class _Files(Evidence):
    """The evidence of an execution in a folder of any name: its seals say what it is about."""

    def __init__(self, folder: Path, keys: Keys, seals: Sequence[Sealed]) -> None:
        super().__init__(folder.parent, folder.name, "", keys)
        self.folder = folder
        self.gate = seals[0].manifest.gate if seals else None
        self.execution_id = seals[0].manifest.execution_id if seals else None


def _attempt(number: int, folder: Path, keys: Keys) -> tuple[list[Diagnosis], Sealed | None]:
    """What is to say of one attempt, and its seal if it can be read and is intact."""
    name = f"attempt {number}" if number else "attempt"
    if not (folder / MANIFEST).exists():
        return [
            bad(name, "it was never sealed, so it proves nothing", "Test it again, or leave it out.")
        ], None
    try:
        sealed = read_seal(folder, number or _number_in(folder, keys), keys)
    except EvidenceError as error:
        return [bad(name, str(error), ASK)], None
    lines = [bad(name, told, remedy) for told, remedy in _against(sealed)]
    if not lines:
        files = len(sealed.manifest.files)
        lines.append(
            good(
                name,
                f"sealed {sealed.sealed_at:%Y-%m-%d %H:%M:%S %Z} by key {sealed.key}, {files} files unchanged; "
                f"judged again: {sealed.verdict.summary}",
            )
        )
    return lines, sealed


def _number_in(folder: Path, keys: Keys) -> int:
    """The number that the manifest itself names, for an attempt whose folder was renamed."""
    number = open_signed(read(folder / MANIFEST), keys, "The manifest").content.get("attempt")
    if not isinstance(number, int):
        raise EvidenceError("The manifest names no attempt.")
    return number


def _against(sealed: Sealed) -> Iterator[tuple[str, str]]:
    """What speaks against a seal whose files are all unchanged."""
    if sealed.signature is not Signature.TRUSTED:
        by = f" ({sealed.key})" if sealed.key else ""
        yield f"the seal is {sealed.signature}{by}", KEY if sealed.key else ASK
    verdict = judge(sealed.plan, sealed.candidate, sealed.recorded)
    if _core(verdict) != _core(sealed.verdict):
        yield (
            f"its results amount to {verdict.outcome}, and sealed is {sealed.verdict.outcome}: {verdict.summary}",
            "Compare the code that judged with this one: the manifest names its digest. If it is the same, "
            + ASK,
        )
    elif verdict != sealed.verdict and sealed.manifest.code.get("stage_gate") == code_digests()["stage_gate"]:
        yield "the sealed verdict does not say what its results amount to", ASK
    strangers = [e.result.key for e in sealed.recorded if e.attempt != sealed.attempt]
    if strangers:
        yield f"{', '.join(strangers)} are results of another attempt", ASK


def _core(verdict: Verdict) -> tuple[object, ...]:
    return verdict.outcome, verdict.not_passed


def _one_execution(seals: Sequence[Sealed]) -> Iterator[Diagnosis]:
    stories = {(seal.manifest.gate, seal.manifest.execution_id, seal.manifest.gate_digest) for seal in seals}
    if len(stories) > 1:
        yield bad("attempts", "their seals are of several executions or gates", ASK)


def _records(files: _Files, seals: Sequence[Sealed], attempts: int) -> Iterator[Diagnosis]:
    """What people and the gate wrote beside the attempts."""
    settings = None
    try:
        settings = _pinned(files, seals)
    except EvidenceError as error:
        yield bad("pin", str(error), ASK)
    answers: list[StoredAnswer] = []
    for path in sorted(files.folder.glob("answer-*.json")):
        try:
            answer = read_record(path, StoredAnswer, files)
        except EvidenceError as error:
            yield bad(plain(path.name), str(error), ASK)
            continue
        answers.append(answer)
        yield _bound(
            plain(path.name), answer, answer.seal_digest, seals, f"{answer.by} answered {answer.option}"
        )
    for number in range(2, attempts + 2):
        yield from _retest(files, number, seals, answers, begun=number <= attempts)
    yield from _decided(files, seals, answers, settings, attempts)


def _pinned(files: _Files, seals: Sequence[Sealed]) -> GateSettings:
    """The settings of the gate that the seals name. Raises ``EvidenceError``."""
    pin = files.read_pin()
    if not pin.is_trusted:
        raise EvidenceError(f"pin.json is {pin.signature}.")
    if gate_digest(pin.gate, pin.gate_content) != pin.gate_digest:
        raise EvidenceError("pin.json holds another gate file than its digest says.")
    for seal in seals:
        told = (seal.manifest.gate, seal.manifest.execution_id, seal.manifest.gate_digest)
        if told != (pin.gate, pin.execution_id, pin.gate_digest):
            raise EvidenceError(f"pin.json is of another execution or gate file than attempt {seal.attempt}.")
    try:
        return GateSettings.model_validate({k: v for k, v in pin.gate_content.items() if k in GATE_KEYS})
    except ValidationError as error:
        raise EvidenceError(f"the gate that was pinned can't be read by this version: {error}") from error


def _bound(
    what: str,
    record: StoredAnswer | DecisionRecord,
    digest: str,
    seals: Sequence[Sealed],
    told: str,
) -> Diagnosis:
    """Whether a record is signed, and speaks of a seal that is here."""
    if record.signature is not Signature.TRUSTED:
        return bad(what, f"{told}, but it is {record.signature}", KEY)
    seal = next((each for each in seals if each.digest == digest), None)
    if seal is None:
        return bad(
            what, f"{told}, about seal {digest[:12] or 'none'}, which is not among the intact ones here", ASK
        )
    if record.at < seal.sealed_at:
        return bad(what, f"{told} at {record.at}, before attempt {seal.attempt} was sealed", ASK)
    return good(what, f"{told} about attempt {seal.attempt}; signed")


def _retest(
    files: _Files, number: int, seals: Sequence[Sealed], answers: Sequence[StoredAnswer], *, begun: bool
) -> Iterator[Diagnosis]:
    """Why an attempt was begun; ``begun``: whether it is here."""
    what = f"retest-{number}.json"
    try:
        record = read_retest(files, number)
    except EvidenceError as error:
        yield bad(what, str(error), ASK)
        return
    before = next((each for each in seals if each.attempt == number - 1), None)
    if record is None:
        if begun:
            yield _begun_without_record(what, number, before, answers)
        return
    if record.signature is not Signature.TRUSTED:
        yield bad(what, f"it is {record.signature}", KEY)
    elif record.attempt != number or before is None or record.seal_digest != before.digest:
        yield bad(what, f"it does not follow the seal of attempt {number - 1}", ASK)
    else:
        yield good(what, f"{record.by} wanted attempt {number}: {record.reason}; signed")


def _begun_without_record(
    what: str, number: int, before: Sealed | None, answers: Sequence[StoredAnswer]
) -> Diagnosis:
    wanted = [
        each
        for each in answers
        if before is not None
        and each.is_trusted
        and (each.option, each.seal_digest) == (RETEST, before.digest)
    ]
    if wanted:
        return bad(
            what, f"it is missing, and {wanted[-1].by} wanted attempt {number}: {wanted[-1].reason}", ASK
        )
    return good(
        f"attempt {number}",
        "was begun by running settle_stage again (cleared, or restarted by Airflow); nobody said why",
    )


def _decided(
    files: _Files,
    seals: Sequence[Sealed],
    answers: Sequence[StoredAnswer],
    settings: GateSettings | None,
    attempts: int,
) -> Iterator[Diagnosis]:
    try:
        newest = read_answer(files)
    except EvidenceError as error:
        yield bad("answer.json", str(error), ASK)
        return
    try:
        record = read_decision(files)
    except EvidenceError as error:
        yield bad("decision", str(error), ASK)
        return
    if newest is not None and newest not in answers:
        yield bad("answer.json", "it is none of the answers that were kept under their own time", ASK)
    if newest is None and answers:
        yield bad("answer.json", f"it is missing, and {answers[-1].by} answered {answers[-1].option}", ASK)
    if record is None:
        yield bad(
            "decision",
            "none is on record, so nothing here says what became of the release",
            "If it is not decided yet, verify it again once it is. Else its record is missing: " + ASK,
        )
        return
    if record.signature is not Signature.TRUSTED:
        yield bad("decision", f"{record.decision} by {record.by} is {record.signature}", KEY)
        return
    seal = next((each for each in seals if each.attempt == attempts), None)
    halt = standing_halt(each for each in answers if each.at <= record.at)
    refusal = refusal_of_decision(record, seal, seals, newest, halt, settings)
    if refusal:
        yield bad("decision", f"{record.decision} by {record.by} does not follow: {refusal}", ASK)
        return
    if record.decision in CARRIED_OUT and seal is not None:
        yield ticketed(files, record, seal)
    if record.decision not in CARRIED_OUT:
        yield from carried_out_after_all(files, record, seals)
    yield good(
        "decision",
        f"{record.decision} by {record.by} at {record.at:%Y-%m-%d %H:%M:%S %Z}, as it follows; signed",
    )


def _listed(numbers: Iterator[int]) -> str:
    return re.sub(r", (?=[^,]+$)", " and ", ", ".join(f"attempt {number}" for number in numbers))
