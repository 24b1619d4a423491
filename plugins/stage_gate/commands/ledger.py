"""How has each check of a gate fared so far? A table from the ledger alone: no Airflow, no network, no evidence."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from aem_checks.config import ConfigError
from aem_checks.outcomes import Outcome
from aem_checks.text import plain
from stage_gate.commands.given import gate_file, store_given
from stage_gate.commands.verify import keys_of
from stage_gate.configuration.flaky import Proposal, proposals
from stage_gate.configuration.policy import PolicySettings
from stage_gate.evidence.files import EvidenceError
from stage_gate.evidence.ledger import Ledger, LedgerCheck, LedgerEntry, read_ledger

if TYPE_CHECKING:
    import argparse

_SHOWN = 20
"""Outcomes of a check that its row shows, the newest ones."""
_MARKS = {Outcome.PASSED: ".", Outcome.FAILED: "F", Outcome.INCONCLUSIVE: "?"}
_LEGEND = ". passed   ~ passed, flaky   F failed   ? inconclusive   - no result; oldest first"


def run(options: argparse.Namespace) -> int:
    """Print the ledger. 0: all of it is believed; 1: some entries are not; 2: wrong usage."""
    try:
        store, name = store_given(options.evidence), _name(options.gate)
        if options.rebuild:
            return _rebuild(store, name)
        keys = keys_of(options.key)
        ledger = read_ledger(store, name, keys, last=options.last)
        policy = _policy(options)
    except (ConfigError, ValueError, OSError) as error:
        print(f"Wrong usage: {error}", file=sys.stderr)
        return 2
    if not keys.believed:
        print("No key is trusted here, so signatures were not checked: name one with --key.", file=sys.stderr)
    found = list(proposals(ledger, policy, datetime.now(UTC).date()))
    if options.json:
        print(json.dumps(_as_json(ledger, found), indent=1))
    else:
        print("\n".join(_lines(ledger, found)))
    return int(bool(ledger.refused))


def _name(given: str) -> str:
    """The gate's name, from a name or a path of its file."""
    return Path(given).stem if given.endswith((".yaml", ".yml")) else given


def _policy(options: argparse.Namespace) -> PolicySettings:
    """The policy of the gate file; the default one where the file is not here, as on another machine."""
    from stage_gate.configuration.gate_file import load_gate_for_run

    try:
        file = gate_file(options.gate, options.folder)
    except ImportError:  # no Airflow that says where gate files are
        return PolicySettings()
    return load_gate_for_run(file).policy if file.is_file() else PolicySettings()


def _lines(ledger: Ledger, found: list[Proposal]) -> Iterator[str]:
    releases = ledger.releases
    if releases:
        yield f"{plain(ledger.gate)}: {len(releases)} releases, {len(ledger.entries)} sealed attempts"
        yield f"{'execution':<12} {'sealed (UTC)':<16} {'attempts':>8}  {'verdict':<12} not passed, flaky"
        yield from (_release(entry, ledger) for entry in releases)
        yield from ("", *_checks(ledger), _LEGEND)
    else:
        yield f"The ledger of {plain(ledger.gate)} is empty: no attempt was sealed, or this is another store."
    if found:
        yield from ("", "Flaky too often; proposed for policy.quarantine of the gate file:")
        yield from (f"  {plain(each.line)}" for each in found)
    if ledger.refused:
        yield from ("", "Not believed, and left out:", *(f"  {plain(each)}" for each in ledger.refused))


def _release(entry: LedgerEntry, ledger: Ledger) -> str:
    attempts = sum(each.execution_id == entry.execution_id for each in ledger.entries)
    told = [
        f"{check.key} {'flaky' if check.flaky else check.outcome}"
        for check in entry.checks
        if check.flaky or check.outcome is not Outcome.PASSED
    ]
    return (
        f"{entry.execution_id:<12} {entry.sealed_at:%Y-%m-%d %H:%M} {attempts:>8}  {entry.outcome:<12} "
        f"{plain(', '.join(told), 400)}"
    ).rstrip()


def _checks(ledger: Ledger) -> Iterator[str]:
    releases = ledger.releases
    keys = sorted({check.key for entry in releases for check in entry.checks})
    width = max([len("check"), *(len(plain(key, 60)) for key in keys)])
    yield f"{'check':<{width}} {'passed':>6} {'failed':>6} {'incon.':>6} {'flaky':>6} {'re-runs':>7} {'median s':>8}"
    for key in keys:
        found = [check for _, check in ledger.history(key)]
        counts = Counter(check.outcome for check in found)
        marks = "".join(_mark(entry.check(key)) for entry in releases[-_SHOWN:])
        yield (
            f"{plain(key, 60):<{width}} {counts[Outcome.PASSED]:>6} {counts[Outcome.FAILED]:>6} "
            f"{counts[Outcome.INCONCLUSIVE]:>6} {sum(check.flaky for check in found):>6} "
            f"{sum(check.runs - 1 for check in found):>7} {median(check.seconds for check in found):>8.1f}  {marks}"
        )


def _mark(check: LedgerCheck | None) -> str:
    if check is None:
        return "-"
    return "~" if check.flaky and check.outcome is Outcome.PASSED else _MARKS[check.outcome]


def _as_json(ledger: Ledger, found: list[Proposal]) -> dict[str, Any]:
    return {
        "gate": ledger.gate,
        "entries": [entry.model_dump(mode="json") for entry in ledger.entries],
        "proposals": [{"check": p.check, "flaky": p.flaky, "of": p.of, "line": p.line} for p in found],
        "refused": list(ledger.refused),
    }


def _rebuild(store: Path, gate: str) -> int:
    """Enter every sealed attempt that can be believed again, as after a store was repaired; needs the signing key."""
    from stage_gate.configuration.settings import keys as keys_here
    from stage_gate.evidence.ledger import write_entry
    from stage_gate.evidence.store import Evidence, executions_of

    keys, entered, left = keys_here(), 0, 0
    for execution in executions_of(store, gate):
        evidence = Evidence(store, gate, execution, keys)
        for attempt in range(1, evidence.attempts() + 1):
            try:
                sealed = evidence.load_seal(attempt)
                if keys.believed and sealed.signature != "trusted":
                    raise EvidenceError(f"the seal is {sealed.signature}")
                write_entry(evidence, sealed)
                entered += 1
            except EvidenceError as error:
                left += 1
                print(plain(f"execution {execution}, attempt {attempt}: left out: {error}"), file=sys.stderr)
    print(f"Entered {entered} sealed attempts into the ledger of {plain(gate)}; {left} were left out.")
    return int(bool(left))
