"""Where else can somebody look? Addresses in Airflow, in Cloud Manager, on stage and production, and of a commit."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from adobe_cloud_manager.pinned import PinnedExecution
from aem_checks.urls import parts_of
from stage_gate.acting.runs import dag_id_of
from stage_gate.evidence.pin import run_id_of

if TYPE_CHECKING:
    from stage_gate.configuration.gate import Gate
    from stage_gate.evidence.pin import Pin

PAGES = "/stage-gate/pages"
EVIDENCE = "/stage-gate/evidence"
_PATH = re.compile(r"/(?![/\\])[^\s]*")
_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_HOSTS_OF_CODE = {"github.com": "commit", "bitbucket.org": "commits", "gitlab.com": "-/commit"}
_SAFE = "/%?&=+,;:@~!$'()*-._"


@dataclass(frozen=True)
class Addresses:
    """Addresses as one page needs them."""

    airflow: str | None = None
    """What every address in Airflow begins with, maybe nothing; ``None`` where it is not known."""
    framed: bool = False
    """The page stands in a frame of Airflow's, which lets no plain click out of it."""

    @property
    def releases(self) -> str:
        return self._ours(f"{PAGES}/releases")

    def gate(self, gate: str) -> str:
        return self._ours(f"{PAGES}/gate/{quote(dag_id_of(gate), safe='')}")

    def release(self, gate: str, execution_id: str) -> str:
        return self._ours(f"{EVIDENCE}/run/{quote(dag_id_of(gate), safe='')}/{run_id_of(execution_id)}")

    def run(self, gate: str, execution_id: str) -> str:
        """The run's page in Airflow."""
        return self._airflow(f"/dags/{quote(dag_id_of(gate), safe='')}/runs/{run_id_of(execution_id)}")

    def task(self, gate: str, execution_id: str, task_id: str) -> str:
        """The page of a task of the run, which opens with its log."""
        run = self.run(gate, execution_id)
        return f"{run}/tasks/{quote(task_id, safe='')}" if run else ""

    def question(self, gate: str, execution_id: str) -> str:
        run = self.run(gate, execution_id)
        return f"{run}/required_actions" if run else ""

    def dag(self, dag_id: str) -> str:
        return self._airflow(f"/dags/{quote(dag_id, safe='')}")

    def _airflow(self, path: str) -> str:
        return "" if self.airflow is None else f"{self.airflow}{path}"

    def _ours(self, path: str) -> str:
        return self._airflow(f"{path}?framed=1" if self.framed else path)


NOWHERE = Addresses()
"""Of a page that does not know where Airflow is."""


def cloud_manager(program_id: str, pipeline_id: str, execution_id: str) -> str:
    """The execution in Cloud Manager's UI; empty where the ids are none."""
    try:
        return PinnedExecution.of(program_id, pipeline_id, execution_id).ui_link()
    except ValueError:
        return ""


def of_execution(pin: Pin) -> str:
    return cloud_manager(pin.program_id, pin.pipeline_id, pin.execution_id)


def pages_of(gate: Gate | None, site: str, subject: str) -> list[tuple[str, str]]:
    """``stage`` and ``production`` with the address of the page there that a finding is about;
    none where that is no path, nor an address on stage."""
    if gate is None or site not in {each.name for each in gate.sites}:
        return []
    config = gate.site(site)
    found = _PATH.match(subject.removeprefix(config.stage.url.rstrip("/")))
    if found is None:
        return []
    path, bases = quote(found[0], safe=_SAFE), [("stage", config.stage.url)]
    bases += [("production", config.production.url)] if config.production else []
    return [(name, f"{base.rstrip('/')}{path}") for name, base in bases]


def commit_page(gate: Gate | None, commit_id: str | None) -> str:
    """The commit at the host of the repository that the gate names; empty where it names none of a host that is known."""
    if gate is None or not _COMMIT.fullmatch(commit_id or ""):
        return ""
    for check in gate.plan.checks:
        checkout = getattr(check.settings, "checkout", None)
        parts = parts_of(getattr(checkout, "repository", None) or "")
        place = _HOSTS_OF_CODE.get(parts.hostname or "")
        if parts.scheme == "https" and place:
            path = quote(parts.path.removesuffix("/").removesuffix(".git"), safe="/-._~")
            return f"https://{parts.hostname}{path}/{place}/{commit_id}"
    return ""
