"""Does Adobe's own events library read the simulator's journal and believe its signatures, and no forged ones?

The library's code is as npm delivers it. What was redirected: its constant https://static.adobeioevents.com goes to the
simulator's key server (`aio-lib-events/redirect.js`, at the level of Node's `https`), and its cache of keys, Adobe's
state service, to one in the driver (the library's own option AIO_STATE_ENDPOINT). The journal's address is an argument.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contract import npm
from simulator import Simulator
from simulator.io_events import Attempt
from unit.simulator.caller import Caller, eventually, slow_scenario
from unit.simulator.webhook import Webhook

pytestmark = npm.needs_node
PATH = "/api/program/12345/pipeline/678901/execution/999"


class EventsLibrary:
    """Adobe's events library, one call per process, against one simulator."""

    def __init__(self, folder: Path, sim: Simulator) -> None:
        self.folder, self.sim = folder, sim

    def run(self, verb: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        given = {
            "SIMULATOR_KEYS": self.sim.io_events.url,
            "SIMULATOR_ORG": self.sim.org_id,
            "SIMULATOR_KEY": self.sim.client_id,
            "SIMULATOR_TOKEN": Caller.token(self.sim).json()["access_token"],
            "__OW_NAMESPACE": "12345-simulated",
            "__OW_API_KEY": "simulated:simulated",
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
        }
        command = ["node", "--require", "./redirect.js", "drive.js", verb, *arguments]
        return subprocess.run(
            command, cwd=self.folder, env=given, capture_output=True, text=True, timeout=300
        )

    def __call__(self, verb: str, *arguments: str) -> Any:
        done = self.run(verb, *arguments)
        assert done.returncode == 0, done.stderr
        return answer_of(done)


def answer_of(done: subprocess.CompletedProcess[str]) -> Any:
    """The last line of its output: before it are the library's own log lines."""
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="session")
def installed() -> Path:
    return npm.installed(Path(__file__).parent / "aio-lib-events")


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator.start(slow_scenario()) as simulator:
        yield simulator


@pytest.fixture
def adobe(installed: Path, sim: Simulator) -> EventsLibrary:
    return EventsLibrary(installed, sim)


def written(attempts: list[Attempt], folder: Path) -> str:
    """A file with deliveries as a webhook got them."""
    letters = [{"body": each.letter.body.decode(), "headers": each.letter.headers} for each in attempts]
    file = folder / "deliveries.json"
    file.write_text(json.dumps(letters))
    return str(file)


def test_its_journal_client_reads_pages_follows_links_and_reaches_the_end(
    adobe: EventsLibrary, sim: Simulator
) -> None:
    sim.start_execution()
    sim.skip(2000)
    answer, seen = adobe("read", sim.io_events.journal_url, '{"limit": 10}'), []
    while "events" in answer:
        seen += [item["event"]["@id"] for item in answer["events"]]
        answer = adobe("read", answer["link"]["next"], "{}")
    assert seen == [event.event["@id"] for event in sim.io_events.emitted]
    assert answer["retryAfter"] == 10_000
    assert answer["link"]["next"].startswith(sim.io_events.journal_url + "?since=")
    assert answer["link"]["validate"].startswith(sim.io_events.journal_url + "/validate?since=")


def test_its_journal_client_says_that_a_position_has_expired(adobe: EventsLibrary, sim: Simulator) -> None:
    sim.start_execution()
    next_link = adobe("read", sim.io_events.journal_url, '{"limit": 1}')["link"]["next"]
    sim.io_events.expire_journals()
    refused = adobe.run("read", next_link, "{}")
    assert refused.returncode == 1
    assert "410 Gone" in refused.stderr


def test_its_observable_has_the_events_as_they_happen(adobe: EventsLibrary, sim: Simulator) -> None:
    sim.start_execution()

    def go_on() -> None:
        eventually(lambda: any(item.service == "io-events" for item in sim.requests))
        sim.skip(100)

    person = threading.Thread(target=go_on)
    person.start()
    observed = adobe("observe", sim.io_events.journal_url, "4")
    person.join()
    assert [item["event"]["@id"] for item in observed] == [
        event.event["@id"] for event in sim.io_events.emitted[:4]
    ]


def test_its_verifier_believes_every_delivery_of_the_simulator(
    adobe: EventsLibrary, sim: Simulator, tmp_path: Path
) -> None:
    with Webhook() as hook:
        registration = sim.io_events.register(hook.url)
        sim.start_execution()
        sim.skip(2000)
        sim.io_events.settle()
        sim.io_events.forge(registration, "first_signature_bad", path=PATH)
    delivered = sim.io_events.deliveries
    assert len(delivered) == 20
    assert adobe("verify", sim.client_id, written(delivered, tmp_path)) == [True] * 20


def test_its_verifier_refuses_what_is_forged(adobe: EventsLibrary, sim: Simulator, tmp_path: Path) -> None:
    with Webhook() as hook:
        registration = sim.io_events.register(hook.url)
        forged = [
            sim.io_events.forge(registration, effect, path=PATH)  # type: ignore[arg-type]
            for effect in ("bad_signature", "foreign_recipient", "unknown_key", "unsigned")
        ]
    results = adobe("verify", sim.client_id, written(forged, tmp_path))
    assert [result is True for result in results] == [False] * 4
    assert results[1]["error"]["statusCode"] == 401


def test_its_verifier_asks_the_stranger_that_an_evil_key_path_names(
    adobe: EventsLibrary, sim: Simulator, tmp_path: Path
) -> None:
    """Why this project's own verifier has a pattern for key paths: Adobe's leaves Adobe's host."""
    with Webhook() as hook:
        registration = sim.io_events.register(hook.url)
        evil = sim.io_events.forge(registration, "evil_key_path", path=PATH)
    done = adobe.run("verify", sim.client_id, written([evil], tmp_path))
    assert f"asked: {sim.io_events.stranger_url.replace('http:', 'https:')}/prod/keys/" in done.stderr
    assert answer_of(done) != [True]
