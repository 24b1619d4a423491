"""Which pipelines could be guarded, and what does the gate file of one look like?"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from adobe_cloud_manager.exceptions import CloudManagerError
from aem_checks.sites import base_url
from aem_checks.text import plain
from stage_gate.commands.doctor_visit import addresses_of_environment

if TYPE_CHECKING:
    from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook
    from adobe_cloud_manager.models import Execution, Pipeline, Program

_SCHEMA = Path(__file__).parents[1] / "gate.schema.json"


class InitError(RuntimeError):
    """No gate file was written; the sentence says why and what to do."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One pipeline of one program."""

    program: Program
    pipeline: Pipeline

    @property
    def can_be_guarded(self) -> bool:
        """It deploys to stage and then to production."""
        return bool(self.pipeline.stage_environment_id and self.pipeline.production_environment_id)

    def __str__(self) -> str:
        mark = "*" if self.can_be_guarded else " "
        return f"{mark} {self.pipeline.id:<10} {plain(self.pipeline.name)} ({self.pipeline.kind})"


@dataclass(frozen=True, slots=True)
class Address:
    """An address that was found, or the one that AEM as a Cloud Service normally has."""

    url: str
    origin: str | None = None
    guessed: bool = False


@dataclass(frozen=True, slots=True)
class Draft:
    """Everything that a new gate file says."""

    name: str
    connection: str
    choice: Choice
    stage: Address
    production: Address
    pages: tuple[str, ...]
    pages_from: str
    """Where the pages were found; empty where they were not."""


def list_choices(hook: CloudManagerHook, program: str | None = None) -> list[Choice]:
    """All pipelines of the programs that the credential sees, or of one of them (by id or name)."""
    programs = [each for each in hook.list_programs() if program is None or program in (each.id, each.name)]
    if not programs:
        raise InitError(
            f"No program {program!r} can be seen with this credential."
            if program
            else "This credential sees no program. Add it to a Cloud Manager product profile in the Admin Console."
        )
    return [Choice(each, pipeline) for each in programs for pipeline in _pipelines(hook, each)]


def _pipelines(hook: CloudManagerHook, program: Program) -> list[Pipeline]:
    """The pipelines with their phases, which lists may leave out."""
    listed = hook.list_pipelines(program.id)
    return [each if each.phases else hook.get_pipeline(program.id, each.id) for each in listed]


def table(choices: Sequence[Choice]) -> str:
    """The pipelines by program; a star marks those that can be guarded."""
    lines: list[str] = []
    for index, choice in enumerate(choices):
        if index == 0 or choices[index - 1].program.id != choice.program.id:
            lines.append(f"Program {choice.program.id} {plain(choice.program.name)}")
        lines.append(f"  {choice}")
    return "\n".join([*lines, "* deploys to stage and production: can be guarded"])


def choose(choices: Sequence[Choice], pipeline: str | None) -> Choice:
    """The one pipeline that is meant by an id or name, or the only one that can be guarded.

    Raises ``InitError`` where that is none or several.
    """
    if pipeline is not None:
        named = [each for each in choices if pipeline in (each.pipeline.id, each.pipeline.name)]
        if len(named) != 1:
            found = "no pipeline" if not named else f"{len(named)} pipelines"
            raise InitError(
                f"{found} called {pipeline!r}: choose one by its id with --pipeline, and --program."
            )
        if not named[0].can_be_guarded:
            kind = named[0].pipeline.kind
            raise InitError(
                f"Pipeline {pipeline!r} ({kind}) does not deploy to stage and then to production."
            )
        return named[0]
    possible = [each for each in choices if each.can_be_guarded]
    if not possible:
        raise InitError(
            "None of these pipelines deploys to stage and then to production, so none can be guarded."
        )
    if len(possible) > 1:
        raise InitError(
            f"{len(possible)} pipelines can be guarded: choose one with --program and --pipeline."
        )
    return possible[0]


def find_address(hook: CloudManagerHook, choice: Choice, environment_id: str, *, domains: bool) -> Address:
    """The publish address of an environment; with ``domains`` a domain of it, and that address as its origin."""
    publish, guessed = _publish_address(hook, choice, environment_id)
    domain = _domain(hook, choice.program.id, environment_id) if domains else None
    if domain is None:
        return Address(publish, guessed=guessed)
    return Address(f"https://{domain}", origin=publish, guessed=guessed)


def _publish_address(hook: CloudManagerHook, choice: Choice, environment_id: str) -> tuple[str, bool]:
    program = choice.program.id
    found: list[str] = []
    try:
        environment = hook.get_environment(program, environment_id)
        found += [environment.publish_url] if environment.publish_url else []
        if not found:
            found += _deployed_address(
                hook.list_executions(program, choice.pipeline.id, limit=5), environment_id
            )
    except CloudManagerError:
        pass
    for url in found:
        try:
            return base_url(url), False
        except ValueError:
            continue
    return f"https://publish-p{program}-e{environment_id}.adobeaemcloud.com", True


def _deployed_address(executions: Sequence[Execution], environment_id: str) -> list[str]:
    addresses = addresses_of_environment(tuple(executions), environment_id)
    return [each.url for each in addresses if each.instance_type.lower() == "publish"]


def _domain(hook: CloudManagerHook, program: str, environment_id: str) -> str | None:
    """The first domain that leads to the publish tier of the environment."""
    try:
        mappings = hook.list_domain_mappings(program, environment_id)
    except CloudManagerError:
        return None
    fitting = [
        each for each in mappings if each.is_host_of(environment_id) and each.tier.lower() != "preview"
    ]
    named = sorted(fitting, key=lambda each: (not each.domain_name.startswith("www."), each.domain_name))
    return named[0].domain_name.lower() if named else None


def gate_name(choice: Choice) -> str:
    """A file name from the program's name, such as ``wknd`` from *WKND (global)*."""
    words = re.findall(r"[a-z0-9]+", choice.program.name.lower())
    return "-".join(words)[:60].strip("-") or f"program-{choice.program.id}"


def render(draft: Draft, folder: Path) -> str:
    """The text of the gate file, in shadow mode, with the comments that a first reader needs."""
    program, pipeline = draft.choice.program, draft.choice.pipeline
    return f"""\
# yaml-language-server: $schema={_schema_reference(folder)}
# Gate for pipeline {_comment(pipeline.name)} of program {_comment(program.name)}.
# Check it with: python -m stage_gate doctor {draft.name}
pipeline:
  connection: {_quoted(draft.connection)}
  program: {_quoted(program.id)}
  pipeline: {_quoted(pipeline.id)}

sites:
  - stage: {_quoted(draft.stage.url)}{_guess(draft.stage)}
    # Protected by basic auth, an edge key or a token? Put it into an Airflow connection, and instead write
    #   stage: {{url: {_quoted(draft.stage.url)}, access: NAME_OF_CONNECTION}}
    production: {_endpoint(draft.production)}{_guess(draft.production)}
    # At least one page per template. {_origin_of_pages(draft)}
    pages:
{_pages(draft.pages)}

# shadow watches, tests and says what it would do; guard approves and halts production.
mode: shadow

# What follows on each verdict: approve (on passed only), halt, hold, or people to ask:
#   inconclusive: {{ask: [alice, bob], within: 8h, silence: hold}}
policy:
  passed: approve
  failed: halt
  inconclusive: hold
"""


def write_gate(draft: Draft, folder: Path) -> Path:
    """Write the gate file. Raises ``InitError`` where there is one already; nothing is ever overwritten."""
    file = folder / f"{draft.name}.yaml"
    if (folder / f"{draft.name}.yml").exists():
        raise InitError(f"There is already a gate in {draft.name}.yml; give the new one another --name.")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with file.open("x", encoding="utf-8") as new:
            new.write(render(draft, folder))
    except FileExistsError:
        raise InitError(f"{file} exists and is left as it is; give the new gate another --name.") from None
    return file


def _schema_reference(folder: Path) -> str:
    try:
        relative = _SCHEMA.relative_to(folder.resolve().parents[1])
    except (ValueError, IndexError):
        return _SCHEMA.as_uri()
    return f"../../{relative.as_posix()}"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _comment(text: str) -> str:
    """Names come from Cloud Manager: on one line, and nothing that ends a comment."""
    return _quoted(plain(text, 100))


def _guess(address: Address) -> str:
    return "  # guessed from the ids; compare it with Cloud Manager" if address.guessed else ""


def _endpoint(address: Address) -> str:
    if address.origin is None:
        return _quoted(address.url)
    return f"{{url: {_quoted(address.url)}, origin: {_quoted(address.origin)}}}"


def _origin_of_pages(draft: Draft) -> str:
    if draft.pages_from:
        return f"These were taken from {draft.pages_from}; add the ones that matter."
    return "No sitemap could be read: add the pages that matter."


def _pages(pages: Sequence[str]) -> str:
    return "\n".join(f"      - {_quoted(page)}" for page in pages)
