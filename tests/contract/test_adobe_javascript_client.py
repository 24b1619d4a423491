"""Does Adobe's own JavaScript library work against the simulator, unmodified?"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contract import npm
from simulator import Simulator
from simulator.scenario import standard_programs
from unit.simulator.caller import Caller, eventually, slow_scenario, step_of

pytestmark = npm.needs_node


class AdobeLibrary:
    """Adobe's library, one call per process, against one simulator."""

    def __init__(self, folder: Path, sim: Simulator) -> None:
        self.folder, self.sim = folder, sim

    def run(self, verb: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        token = Caller.token(self.sim).json()["access_token"]
        given = {
            "SIMULATOR_API": self.sim.api_url,
            "SIMULATOR_ORG": self.sim.org_id,
            "SIMULATOR_KEY": self.sim.client_id,
            "SIMULATOR_TOKEN": token,
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
        }
        command = ["node", "drive.js", verb, *arguments]
        return subprocess.run(
            command, cwd=self.folder, env=given, capture_output=True, text=True, timeout=300
        )

    def __call__(self, verb: str, *arguments: str) -> Any:
        done = self.run(verb, *arguments)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="session")
def installed() -> Path:
    return npm.installed(Path(__file__).parent / "aio-lib")


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator.start(slow_scenario(steps={"codeQuality": "waiting"})) as simulator:
        yield simulator


@pytest.fixture
def adobe(installed: Path, sim: Simulator) -> AdobeLibrary:
    return AdobeLibrary(installed, sim)


def test_it_lists_programs_pipelines_environments_and_variables(adobe: AdobeLibrary, sim: Simulator) -> None:
    assert [item["id"] for item in adobe("programs")] == [sim.program_id]
    pipelines = adobe("pipelines", sim.program_id)
    assert len(pipelines) == 7
    assert pipelines[0]["id"] == sim.pipeline_id
    environments = adobe("environments", sim.program_id)
    assert {item["type"] for item in environments} == {"stage", "prod", "dev"}
    stage = next(item["id"] for item in environments if item["type"] == "stage")
    assert [item["name"] for item in adobe("variables", sim.program_id, stage)] == ["API_HOST", "API_KEY"]


def test_it_starts_overrides_quality_approves_and_reads_the_execution(
    adobe: AdobeLibrary, sim: Simulator
) -> None:
    execution = adobe("start", sim.program_id, sim.pipeline_id)["id"]
    sim.skip(300)
    metrics = adobe("metrics", sim.program_id, sim.pipeline_id, execution, "codeQuality")
    assert [each["kpi"] for each in metrics["metrics"] if not each["passed"]] == ["coverage", "open_issues"]
    adobe("advance", sim.program_id, sim.pipeline_id)
    sim.skip(1000)
    adobe("advance", sim.program_id, sim.pipeline_id)
    sim.skip(20)
    shown = adobe("execution", sim.program_id, sim.pipeline_id, execution)
    assert step_of(sim.execution(execution), "approval")["details"] == {"input": {"approved": True}}
    assert shown["status"] == "RUNNING"
    assert [act.action for act in sim.acts] == ["codeQuality", "approval"]
    sim.skip(200)
    again = adobe("execution", sim.program_id, sim.pipeline_id, execution)
    assert again["status"] == "FINISHED"


def test_it_cancels_at_the_approval_and_while_the_build_runs(adobe: AdobeLibrary, sim: Simulator) -> None:
    first = sim.start_execution()
    sim.skip(150)
    adobe("cancel", sim.program_id, sim.pipeline_id)
    sim.skip(60)
    second = sim.start_execution()
    sim.skip(300)
    sim.person("approve", second)
    sim.skip(1000)
    adobe("cancel", sim.program_id, sim.pipeline_id)
    sim.skip(60)
    assert [sim.execution(each)["status"] for each in (first, second)] == ["CANCELLED", "CANCELLED"]
    assert [act.body for act in sim.acts if act.by == sim.client_id] == [
        {"cancel": True},
        {"approved": False},
    ]


def test_it_reads_the_log_behind_the_redirect(adobe: AdobeLibrary, sim: Simulator) -> None:
    execution = sim.start_execution()
    sim.skip(250)
    log = adobe("log", sim.program_id, sim.pipeline_id, execution, "build")
    assert "build ended: FINISHED" in log
    fetched = eventually(lambda: [each for each in sim.requests if each.service == "blobs"])
    assert fetched[0].header("Authorization") is None


def test_it_pages_through_the_history(installed: Path) -> None:
    programs = standard_programs()
    programs[0]["pipelines"][0]["history"] = 45
    with Simulator.start({**slow_scenario(), "programs": programs}) as sim:
        library = AdobeLibrary(installed, sim)
        listed = library("executions", sim.program_id, sim.pipeline_id, "100")
        assert len({item["id"] for item in listed}) == 45


def test_it_reports_a_busy_pipeline_and_a_gateway_error_in_its_own_words(
    adobe: AdobeLibrary, sim: Simulator
) -> None:
    sim.start_execution()
    assert "ERROR_PIPELINE_START_RUNNING" in adobe.run("start", sim.program_id, sim.pipeline_id).stderr
    sim.inject({"effect": "expire_tokens"})
    refused = adobe.run("programs")
    assert refused.returncode == 1
    assert "Oauth token is not valid (Code: 401013)" in refused.stderr
