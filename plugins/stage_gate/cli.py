"""What can be done with gates from a terminal? ``init``, ``doctor``, ``key``, ``verify``, ``replay``, and more.

Exit codes: 0 all is well, 1 something would stop the gate, can't be trusted, differs or was not written, 2 wrong usage,
70 the program itself failed, 130 interrupted, 141 whoever read the output went away.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from aem_checks.command_line import called_as, ended, versions
from stage_gate.commands.help import explain

if TYPE_CHECKING:
    from stage_gate.commands import init


def main(arguments: Sequence[str] | None = None) -> int:
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["up"]:
        from stage_gate.local.up import main as up

        return up(given[1:])
    options = _parser().parse_args(given)
    return ended(partial(options.command, options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=called_as("stage_gate"), description="A release gate for AEM as a Cloud Service."
    )
    parser.add_argument("--version", action="version", version=versions("apache-airflow-core"))
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_init(commands)
    doctor = commands.add_parser("doctor", help="say what would stop a gate, and the remedy")
    doctor.add_argument("gate", metavar="GATE", help="name of a gate, or path of its file")
    doctor.add_argument(
        "--folder", type=Path, default=None, help="where the gate files are (default dags/gates)"
    )
    doctor.add_argument("--timeout", type=float, default=15.0, help="seconds for each request (default 15)")
    doctor.set_defaults(command=_doctor)
    schema = commands.add_parser("schema", help="write the JSON Schema of gate files for editors")
    schema.add_argument("--output", type=Path, default=None, help="another file than the one beside the code")
    schema.set_defaults(command=_schema)
    _add_key(commands)
    _add_verify(commands)
    _add_replay(commands)
    _add_calibrate(commands)
    _add_ledger(commands)
    docs = commands.add_parser(
        "docs", help="write docs/decisions.md and docs/stage-changes.md from the rules"
    )
    docs.add_argument("--folder", type=Path, default=None, help="another folder")
    docs.set_defaults(command=_run("docs"))
    for told in commands._choices_actions:
        explain(told.dest, commands.choices[told.dest], str(told.help))
    commands.add_parser("up", help="run Airflow with your gates on this machine", add_help=False)
    return parser


def _add_init(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    init = commands.add_parser("init", help="list programs and pipelines, and write a gate file for one")
    init.add_argument(
        "--connection", default="cloud_manager_default", help="Airflow connection (default %(default)s)"
    )
    init.add_argument("--program", help="id or name of the program")
    init.add_argument("--pipeline", help="id or name of the pipeline")
    init.add_argument("--name", help="name of the gate and of its file (default: from the program's name)")
    init.add_argument(
        "--folder", type=Path, default=None, help="where the gate files are (default dags/gates)"
    )
    init.add_argument("--list", action="store_true", help="only list, write nothing")
    init.add_argument("--timeout", type=float, default=15.0, help="seconds for each request (default 15)")
    init.set_defaults(command=_init)


def _add_key(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    key = commands.add_parser("key", help="make a signing key and say where it goes")
    key.add_argument("--public", action="store_true", help="print the public key of the configured one")
    key.add_argument(
        "--airflow-home",
        type=Path,
        metavar="FOLDER",
        help="the key that `up` keeps in this home (var/up), made if there is none",
    )
    key.set_defaults(command=_run("key"))


def _add_verify(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    verify = commands.add_parser("verify", help="check offline that evidence is what was sealed and decided")
    verify.add_argument(
        "bundle",
        type=Path,
        metavar="BUNDLE",
        help="folder of an execution or attempt, or a .zip or .tar of one",
    )
    verify.add_argument(
        "--key",
        action="append",
        default=[],
        metavar="PUBLIC",
        help="a public key to trust, as `key --public` prints it (default AIRFLOW__STAGE_GATE__TRUSTED_KEYS)",
    )
    verify.set_defaults(command=_run("verify"))


def _add_calibrate(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    calibrate = commands.add_parser(
        "calibrate", help="run a gate's checks as things are today, and propose waivers that expire"
    )
    calibrate.add_argument("gate", metavar="GATE", help="name of a gate, or path of its file")
    calibrate.add_argument("--folder", type=Path, help="where the gate files are (default dags/gates)")
    calibrate.add_argument(
        "--only", action="append", default=[], metavar="KIND", help="only this kind; repeatable"
    )
    calibrate.add_argument("--owner", help="who answers for the waivers (default: your login name)")
    calibrate.add_argument("--days", type=int, default=30, help="how long they hold (default %(default)s)")
    calibrate.set_defaults(command=_run("calibrate"))


def _add_replay(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    replay = commands.add_parser("replay", help="say what today's gate would decide of recorded releases")
    replay.add_argument("gate", metavar="GATE", nargs="?", help="name of a gate (default: every gate)")
    replay.add_argument("--gate-file", type=Path, metavar="FILE", help="its rules, from another file")
    replay.add_argument("--folder", type=Path, help="where the gate files are (default dags/gates)")
    replay.add_argument("--evidence", metavar="URL", help="evidence store (default: the configured one)")
    replay.add_argument(
        "--since",
        type=date.fromisoformat,
        metavar="DATE",
        help="only what was sealed on or after this day (UTC)",
    )
    replay.add_argument("--json", action="store_true", help="as JSON, for other programs")
    replay.set_defaults(command=_run("replay"))


def _add_ledger(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    ledger = commands.add_parser("ledger", help="show how each check of a gate fared, release after release")
    ledger.add_argument("gate", metavar="GATE", help="name of a gate, or path of its file")
    ledger.add_argument("--evidence", metavar="URL", help="evidence store (default: the configured one)")
    ledger.add_argument("--folder", type=Path, help="where the gate files are (default dags/gates)")
    ledger.add_argument("--last", type=int, metavar="N", help="only the newest N executions")
    ledger.add_argument(
        "--key", action="append", default=[], metavar="PUBLIC", help="a key to trust, as for verify"
    )
    ledger.add_argument("--json", action="store_true", help="as JSON, for other programs")
    ledger.add_argument(
        "--rebuild", action="store_true", help="enter all sealed attempts again; needs the signing key"
    )
    ledger.set_defaults(command=_run("ledger"))


def _run(name: str) -> Callable[[argparse.Namespace], int]:
    """The command of this name; its module is imported when it runs."""

    def command(options: argparse.Namespace) -> int:
        run: Callable[[argparse.Namespace], int] = import_module(f"stage_gate.commands.{name}").run
        return run(options)

    return command


def _doctor(options: argparse.Namespace) -> int:
    from stage_gate.commands.diagnosis import bad, exit_code, summary
    from stage_gate.supported import REMEDY, unsupported

    if (why := unsupported()) is not None:  # what follows would fail at an import
        print(bad("Airflow", f"Stage Gate {why}", REMEDY))
        return 1
    from stage_gate.commands.doctor_visit import examine
    from stage_gate.commands.given import gate_file

    found = []
    for diagnosis in examine(gate_file(options.gate, options.folder), timeout=options.timeout):
        print(diagnosis, flush=True)
        found.append(diagnosis)
    print(f"\n{summary(found)}")
    return exit_code(found)


def _schema(options: argparse.Namespace) -> int:
    from stage_gate.configuration.gate_schema import SCHEMA_PATH, write_schema

    print(f"Wrote {write_schema(options.output or SCHEMA_PATH)}")
    return 0


def _init(options: argparse.Namespace) -> int:
    from adobe_cloud_manager.exceptions import CloudManagerError
    from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook
    from stage_gate.commands import init
    from stage_gate.commands.drafting import draft_gate
    from stage_gate.commands.given import gates_folder

    hook = CloudManagerHook(options.connection, deadline=2 * options.timeout, request_timeout=options.timeout)
    try:
        choices = init.list_choices(hook, options.program)
        print(init.table(choices))
        if options.list:
            return 0
        choice = _ask_which(choices, options.pipeline)
        draft = draft_gate(
            hook, choice, name=options.name, connection=options.connection, timeout=options.timeout
        )
        folder = gates_folder(options.folder)
        file = init.write_gate(draft, folder)
    except (CloudManagerError, init.InitError) as error:
        print(f"\nNothing was written. {error}", file=sys.stderr)
        return 1
    print(f"\nWrote {file} (mode: shadow). Next: python -m stage_gate doctor {file}")
    return 0


def _ask_which(choices: Sequence[init.Choice], pipeline: str | None) -> init.Choice:
    """The pipeline as given; where that is not clear and somebody sits at a terminal, as they answer."""
    from stage_gate.commands import init

    if pipeline is None and sys.stdin.isatty() and sum(choice.can_be_guarded for choice in choices) > 1:
        pipeline = input("Id of the pipeline to guard: ").strip()
    return init.choose(choices, pipeline)
