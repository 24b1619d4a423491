"""Is this gate file right, and what gate does it describe?"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from aem_checks.config import (
    CHECK_KEYS,
    GATE_KEYS,
    CheckPlan,
    ConfigError,
    parse_check_plan,
    refuse_unknown_keys,
)
from aem_checks.readable import validate
from aem_checks.yaml_lines import Document, Wrong, load_extended
from stage_gate.configuration.gate import Gate, GateSettings
from stage_gate.configuration.gate_rules import (
    KindCodes,
    OutOfDate,
    names_connections,
    refuse_accepted_facts,
    refuse_closed_for_ever,
    refuse_endless,
    refuse_expired,
    refuse_less_than_minimum,
    refuse_no_proof,
    refuse_reach,
    refuse_stage_on_production,
    refuse_unisolated,
    refuse_unknown_checks,
    refuse_unknown_codes,
    refuse_without_code,
    refuse_wrong_smoke_tests,
)
from stage_gate.configuration.other_gates import refuse_second_gate
from stage_gate.configuration.own_tests import named_own_tests
from stage_gate.configuration.policy import PolicySettings
from stage_gate.configuration.reach import Reach
from stage_gate.rules import cloud_manager_results, own_tests, smoke_tests
from stage_gate.rules.cloud_manager_results import ACTIONS, key_of
from stage_gate.rules.decision import Mode
from stage_gate.rules.demands import Demands
from stage_gate.rules.plan import CLOUD_MANAGER, OWN_TESTS, SMOKE_TESTS
from stage_gate.rules.smoke_tests import key_of as key_of_smoke_test

__all__ = [
    "GATE_NAME",
    "SUFFIXES",
    "GateFileError",
    "OutOfDate",
    "gate_digest",
    "gate_from_content",
    "gate_paths",
    "load_gate",
    "load_gate_for_run",
    "reach_of",
]

GateFileError = ConfigError
"""The one error of this module, with file, line, problem and remedy."""

SUFFIXES = (".yaml", ".yml")
_OWN_RESULTS = [key_of(name) for name in ACTIONS]
"""Keys of the checks that Cloud Manager itself has run."""
GATE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")


def gate_paths(folder: Path) -> list[Path]:
    """The gate files of a folder, sorted by name; those that begin with ``_`` or ``.`` are only extended."""
    if not folder.is_dir():
        return []
    named = [p for p in folder.iterdir() if p.suffix in SUFFIXES and p.name[0] not in "_."]
    return sorted(p for p in named if _may_be_file(p))


def _may_be_file(path: Path) -> bool:
    """Whether to try to read it: what can't even be looked at is tried too, so that its own Dag says why."""
    try:
        return path.is_file()
    except OSError:
        return True


def load_gate(path: str | Path, *, today: date | None = None, demands: Demands | None = None) -> Gate:
    """Read one gate file, strictly. Raises ``GateFileError``.

    A gate that acts has to be the only one of its folder for its pipeline. It raises ``OutOfDate`` where the file
    was right once: a quarantine or waiver has ended by ``today`` (UTC), a waiver names no code, the calendar can't be
    read, the windows do not open any more. ``demands`` are by default those of the deployment.
    """
    file, day = Path(path), today or _today()
    document = _document(file)
    with document.locating():
        gate = _checked(document, file, demands)
        refuse_without_code(gate.policy, _codes(gate.plan, gate.settings))
        refuse_endless(gate.policy, day)
        refuse_expired(gate.policy, day)
        refuse_closed_for_ever(gate.policy, day, file.parent)
    return gate


def load_gate_for_run(path: str | Path, *, today: date | None = None, demands: Demands | None = None) -> Gate:
    """Read one gate file so that no run loses its gate at midnight. Raises ``GateFileError``.

    What is out of date is not refused here: a quarantine or waiver that has ended by ``today`` (UTC) is left out,
    so that its check blocks again, a waiver without a code waives nothing, and a calendar that can't be read means
    closed.
    """
    document = _document(Path(path))
    with document.locating():
        return _checked(document, Path(path), demands, until=today or _today())


def gate_from_content(name: str, content: Mapping[str, Any], *, folder: Path) -> Gate:
    """Build a gate from what a run pinned, so that editing the file changes no run that has begun.

    ``folder`` is that of the gate file: files that settings name are found from there.

    Nothing is refused or left out for the date: the plan of the run takes what is in force when it is made.
    Raises ``GateFileError``, for instance where a newer Stage Gate no longer knows a setting.
    """
    document = Document(f"the pinned content of gate {name}", dict(content))
    with document.locating():
        return _build(name, document.content, folder)


def gate_digest(name: str, content: Mapping[str, Any]) -> str:
    """SHA-256, as hexadecimal, of a gate's name and resolved content, whatever the order of its keys."""
    canonical = json.dumps([name, content], sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _require_name(file: Path) -> None:
    if file.name.startswith("_"):
        raise GateFileError(
            str(file),
            0,
            "a file whose name begins with '_' is no gate",
            "Extend it from a gate file, or rename it.",
        )
    if not GATE_NAME.fullmatch(file.stem) or file.suffix not in SUFFIXES:
        raise GateFileError(
            str(file),
            0,
            f"{file.name!r} cannot name a gate",
            "Use lower-case letters, digits, '-' and '_', and end it with .yaml.",
        )
    twins = [file.with_suffix(suffix) for suffix in SUFFIXES if suffix != file.suffix]
    if any(twin.exists() for twin in twins):
        raise GateFileError(
            str(file), 0, f"there is both {file.stem}.yaml and {file.stem}.yml", "Remove one of the two."
        )


def _document(file: Path) -> Document:
    _require_name(file)
    return load_extended(file)


def _checked(document: Document, file: Path, demands: Demands | None, until: date | None = None) -> Gate:
    """The gate without the excuses that have ended by ``until``. Raises ``Wrong``."""
    gate = _build(file.stem, document.content, file.parent)
    policy = gate.policy if until is None else gate.policy.in_force_on(until)
    refuse_unknown_codes(gate.policy, _codes(gate.plan, gate.settings))
    refuse_no_proof(gate.plan, policy)
    refuse_stage_on_production(gate.plan)
    if gate.mode is Mode.GUARD:
        refuse_second_gate(gate, file, gate_paths(file.parent))
    if names_connections(gate):
        refuse_reach(gate, reach_of(file, gate))
    demanded = _demands_of_deployment() if demands is None else demands
    if demanded.checks:
        of_the_file = [kind for kind in demanded.checks if kind != OWN_TESTS]
        refuse_less_than_minimum(gate.plan, policy, of_the_file, _known_kinds())
    refuse_accepted_facts(policy, demanded.facts)
    if demanded.isolation:
        refuse_unisolated(gate.plan)
    return replace(gate, settings=gate.settings.model_copy(update={"policy": policy}))


def _build(name: str, content: dict[str, Any], folder: Path) -> Gate:
    refuse_unknown_keys(content, CHECK_KEYS | GATE_KEYS)
    _require_pipeline(content)
    settings = validate(GateSettings, (), {key: content[key] for key in content if key in GATE_KEYS})
    plan = parse_check_plan(content, folder=folder)
    known = [*(check.key for check in plan.on("stage")), *_OWN_RESULTS, *named_own_tests(settings)]
    refuse_wrong_smoke_tests(settings, plan, known)
    refuse_unknown_checks(settings.policy, _codes(plan, settings))
    refuse_no_proof(plan, PolicySettings())
    return Gate(name=name, settings=settings, plan=plan, content=content, digest=gate_digest(name, content))


def _codes(plan: CheckPlan, settings: GateSettings) -> dict[str, KindCodes]:
    """Kind and declared codes by the key of each check that can be excused."""
    asked = settings.smoke_tests.questions if settings.smoke_tests else ()
    return {
        **{check.key: (check.kind, check.check_type.codes) for check in plan.checks},
        **dict.fromkeys(_OWN_RESULTS, (CLOUD_MANAGER, cloud_manager_results.CODES)),
        **{key_of_smoke_test(each.name): (SMOKE_TESTS, smoke_tests.CODES) for each in asked},
        **dict.fromkeys(named_own_tests(settings), (OWN_TESTS, own_tests.CODES)),
    }


def _today() -> date:
    return datetime.now(UTC).date()


def reach_of(file: Path, gate: Gate) -> Reach:
    """Which connections a gate can open sites with. Raises ``GateFileError`` where the deployment's setting is none."""
    try:
        return Reach.of(file.parent, gate.content)
    except ValueError as error:
        raise GateFileError(str(file), 0, str(error), "Correct that setting of the deployment.") from None


def _demands_of_deployment() -> Demands:
    from stage_gate.configuration.settings import demands

    return demands()


def _known_kinds() -> Collection[str]:
    from aem_checks.kinds import all_kinds

    return all_kinds()


def _require_pipeline(content: Mapping[str, Any]) -> None:
    if not isinstance(content.get("pipeline"), dict):
        raise Wrong(
            ("pipeline",),
            "'pipeline' does not say which pipeline is guarded",
            'Write \'pipeline: {program: "12345", pipeline: "678901"}\', or run: python -m stage_gate init.',
        )
