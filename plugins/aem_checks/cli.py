"""How are a gate's checks run from a laptop? ``python -m aem_checks run GATE.yaml --site stage``."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from aem_checks.allocation import share_memory_between_threads
from aem_checks.command_line import called_as, ended, versions
from aem_checks.interruptible import run_interruptible
from aem_checks.outcomes import CheckResult, Outcome
from aem_checks.text import count

if TYPE_CHECKING:
    from aem_checks.baseline import Baseline
    from aem_checks.config import CheckPlan, ConfiguredCheck

EXIT = {Outcome.PASSED: 0, Outcome.FAILED: 1, Outcome.INCONCLUSIVE: 3}
USAGE_ERROR = 2
_EPILOG = """exit codes:
  0    every blocking check passed
  1    a blocking check failed
  2    the command line, the gate file or a connection is wrong; nothing was sent
  3    inconclusive: a blocking check got no answer, or no blocking check ran
  70   the program itself failed, which says nothing about the site; standard error has the traceback to report
  130  interrupted
  141  whoever read the output went away

Protected sites: the gate file names a connection with 'access: NAME'; set AIRFLOW_CONN_NAME to it, as URI or
JSON, of type http or generic. Only the site's own hosts are contacted, and where the connection names a host, that one
alone gets what is in it."""


class UsageError(Exception):
    """What was asked for cannot be done; the message says what would be right."""


@dataclass(frozen=True)
class _Asked:
    gate: Path
    target: str
    name: str | None
    only: frozenset[str]
    json: str | None
    junit: Path | None
    baseline: Path | None = None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    share_memory_between_threads()
    parsed = _parser().parse_args(arguments)
    return ended(partial(_do, parsed), "interrupted: nothing more is sent, there is no verdict")


def _do(parsed: argparse.Namespace) -> int:
    if parsed.command == "docs":
        return _docs(parsed.file)
    if parsed.command == "changes":
        return _changes(parsed)
    return _list() if parsed.command == "list" else _run(_asked(parsed))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=called_as("aem_checks"),
        description="Checks of an AEM site, as its release gate runs them.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=versions())
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser(
        "run",
        help="run the checks of a gate file",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    run.add_argument("gate", type=Path, metavar="GATE.yaml")
    run.add_argument("--site", choices=("stage", "production"), required=True, help="what to check")
    run.add_argument("--name", help="only this one of several sites of the gate file")
    run.add_argument("--only", action="append", default=[], metavar="KIND", help="only this kind; repeatable")
    run.add_argument("--json", metavar="FILE", help="write all results as JSON; '-' is standard output")
    run.add_argument("--junit", type=Path, metavar="FILE", help="write all results as JUnit XML")
    run.add_argument(
        "--baseline",
        type=Path,
        metavar="FOLDER",
        help="compare with this release: an attempt's folder of the evidence, or what an earlier run left",
    )
    commands.add_parser("list", help="list the kinds of checks")
    _add_changes(
        commands.add_parser("changes", help="tell what changed in an AEM project between two commits")
    )
    docs = commands.add_parser("docs", help="write the page on all kinds of checks, from their code")
    docs.add_argument(
        "file", nargs="?", default="docs/checks.md", help="by default docs/checks.md; '-' shows it"
    )
    return parser


def _add_changes(changes: argparse.ArgumentParser) -> None:
    changes.add_argument("folder", type=Path, help="a clone of the repository")
    changes.add_argument("base", metavar="FROM", help="a commit, tag or branch: what is compared with")
    changes.add_argument(
        "head", metavar="TO", nargs="?", default="HEAD", help="by default what is checked out"
    )
    changes.add_argument("--project", default="", metavar="FOLDER", help="of a monorepo, only this folder")
    changes.add_argument("--json", action="store_true", help="for programs")


def _asked(parsed: argparse.Namespace) -> _Asked:
    return _Asked(
        gate=parsed.gate,
        target=parsed.site,
        name=parsed.name,
        only=frozenset(parsed.only),
        json=parsed.json,
        junit=parsed.junit,
        baseline=parsed.baseline,
    )


def _list() -> int:
    from aem_checks.kinds import KindError, all_kinds

    try:
        kinds = all_kinds()
    except KindError as error:
        print(error, file=sys.stderr)
        return USAGE_ERROR
    for kind in kinds.values():
        state = "on" if kind.default_on else "off"
        where = "+".join(sorted(kind.targets, reverse=True))
        print(f"{kind.number:<3} {kind.kind:<22} {kind.severity:<5} {state:<3} {where:<17} {kind.title}")
    return 0


def _docs(file: str) -> int:
    from aem_checks.docs import checks_page
    from aem_checks.kinds import KindError, all_kinds

    try:
        page = checks_page(all_kinds().values())
        if file == "-":
            print(page, end="")
        else:
            Path(file).write_text(page, encoding="utf-8")
    except (KindError, OSError) as error:
        print(error, file=sys.stderr)
        return USAGE_ERROR
    return 0


def _changes(parsed: argparse.Namespace) -> int:
    from aem_checks.changes.mapping import commit_id, read_changes
    from aem_checks.changes.telling import as_json, lines
    from aem_checks.changes.values import ChangeMap
    from aem_checks.git import CheckoutError

    async def read() -> ChangeMap:
        base, head = [await commit_id(parsed.folder, each) for each in (parsed.base, parsed.head)]
        return await read_changes(parsed.folder, base, head, parsed.project)

    if not parsed.folder.is_dir():
        print(f"there is no folder {parsed.folder}", file=sys.stderr)
        return USAGE_ERROR
    try:
        found = run_interruptible(read())
    except CheckoutError as error:
        print(f"{parsed.folder} has no {parsed.base} or no {parsed.head}: {error}", file=sys.stderr)
        return USAGE_ERROR
    print(as_json(found) if parsed.json else "\n".join(lines(found)))
    return EXIT[Outcome.INCONCLUSIVE if found.problem else Outcome.PASSED]


def _run(asked: _Asked) -> int:
    from aem_checks.access import AccessError
    from aem_checks.config import ConfigError, load_check_plan
    from aem_checks.kinds import KindError
    from aem_checks.recording import RecordingError
    from aem_checks.session import overall

    try:
        plan = load_check_plan(asked.gate)
        checks = _chosen(plan, asked)
        evidence = Path(tempfile.mkdtemp(prefix="aem_checks-"))
        results = run_interruptible(_run_all(plan, checks, asked, evidence))
    except (ConfigError, KindError, AccessError, UsageError, RecordingError, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return USAGE_ERROR
    outcome = overall(results)
    _show(asked, results, outcome, evidence)
    return EXIT[outcome]


async def _run_all(
    plan: CheckPlan, checks: Sequence[ConfiguredCheck], asked: _Asked, evidence: Path
) -> list[CheckResult]:
    from aem_checks.access import access_from_environment
    from aem_checks.session import run_site

    names = list(dict.fromkeys(check.site for check in checks))
    baselines = {name: _baseline(asked.baseline, name) for name in names}
    results = []
    for name in names:
        results += await run_site(
            plan.site(name),
            checks[0].target,
            [check for check in checks if check.site == name],
            resolver=access_from_environment,
            evidence=evidence,
            report=lambda result: print(f"{result.key}: {result.outcome}", file=sys.stderr),
            baseline=baselines[name],
        )
    return results


def _baseline(folder: Path | None, site: str) -> Baseline | None:
    """What to compare a site with, read before anything is sent."""
    if folder is None:
        return None
    from aem_checks.baseline import baseline_in

    found = baseline_in(folder, site)
    if found is None:
        raise UsageError(
            f"{folder} has nothing of site {site}: name the folder attempt-<n> of a gate's evidence, or the one that "
            "an earlier run printed as its evidence"
        )
    return found


def _chosen(plan: CheckPlan, asked: _Asked) -> list[ConfiguredCheck]:
    on_target = [check for check in plan.checks if check.target == asked.target]
    if asked.name is not None:
        names = [site.name for site in plan.sites]
        if asked.name not in names:
            raise UsageError(f"{asked.gate}: no site is called {asked.name!r}; there are {', '.join(names)}")
        on_target = [check for check in on_target if check.site == asked.name]
    planned = {check.kind for check in on_target}
    if missing := asked.only - planned:
        there = ", ".join(sorted(planned)) or "none"
        raise UsageError(
            f"{asked.gate}: {', '.join(sorted(missing))} is not planned on {asked.target}; there are {there}"
        )
    chosen = [check for check in on_target if not asked.only or check.kind in asked.only]
    if not chosen:
        raise UsageError(
            f"{asked.gate}: no check is planned on {asked.target}; see 'sites' and 'checks' in it"
        )
    return chosen


def _show(asked: _Asked, results: Sequence[CheckResult], outcome: Outcome, evidence: Path) -> None:
    from aem_checks.output import as_json, table, write_junit

    told = as_json(str(asked.gate), asked.target, outcome, results)
    out = sys.stderr if asked.json == "-" else sys.stdout
    print(table(results), file=out)
    print(f"\nEvidence: {evidence}", file=out)
    print(f"{asked.target}: {outcome} ({count(len(results), 'check')})", file=out)
    if asked.json == "-":
        print(told)
    elif asked.json is not None:
        Path(asked.json).write_text(told, encoding="utf-8")
    if asked.junit is not None:
        write_junit(asked.junit, asked.gate.stem, results)
