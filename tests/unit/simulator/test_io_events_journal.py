"""Does the journal answer as Adobe's does: pages, positions, its end, and what it has forgotten?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from simulator import Simulator
from simulator.io_events.journal import BadQuestion, seconds_of
from unit.simulator.caller import Caller, slow_scenario

WEEK = 7 * 86400.0


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator.start(slow_scenario()) as simulator:
        yield simulator


class Reader:
    """Reads a journal with a token, following links against the journal's address."""

    def __init__(self, sim: Simulator, **headers: str) -> None:
        self.sim = sim
        token = Caller.token(sim, scopes=("openid", "adobeio_api")).json()["access_token"]
        self.headers = {
            "x-ims-org-id": sim.org_id, "x-api-key": sim.client_id, "Authorization": f"Bearer {token}", **headers
        }  # fmt: skip

    def get(self, link: str = "", **query: Any) -> requests.Response:
        url = requests.compat.urljoin(self.sim.io_events.journal_url, link)  # type: ignore[attr-defined]
        return requests.get(url, params=query, headers=self.headers, timeout=60)

    def follow(self, answer: requests.Response) -> requests.Response:
        return self.get(answer.links["next"]["url"])


def test_it_is_read_page_by_page_to_its_end(sim: Simulator) -> None:
    sim.start_execution()
    sim.skip(2000)
    reader = Reader(sim)
    answer, seen = reader.get(limit=8), []
    while answer.status_code == 200:
        page = answer.json()
        assert page["_page"] == {"last": page["events"][-1]["position"], "count": len(page["events"])}
        assert len(page["events"]) <= 8
        seen += [item["event"]["activitystreams:object"]["@id"] for item in page["events"]]
        answer = reader.follow(answer)
    assert [link.rpartition(".io")[2] for link in seen] == [event.path for event in sim.io_events.emitted]
    assert (answer.status_code, answer.headers["retry-after"], answer.content) == (204, "10", b"")
    assert set(answer.links) == {"next", "validate"}
    assert reader.get(answer.links["validate"]["url"]).status_code == 200
    assert answer.links["next"]["url"].endswith("limit=8")


def test_its_end_has_the_next_event_in_time(sim: Simulator) -> None:
    sim.start_execution()
    reader = Reader(sim)
    end = reader.get(latest="true")
    assert end.status_code == 204
    assert reader.follow(end).status_code == 204
    sim.skip(100)
    assert [item["event"]["@type"].rpartition("/")[2] for item in reader.follow(end).json()["events"]] == [
        "ended",
        "started",
    ]


def test_an_empty_journal_names_no_time_to_wait(sim: Simulator) -> None:
    answer = Reader(sim).get()
    assert answer.status_code == 204
    assert "retry-after" not in answer.headers
    sim.start_execution()
    assert Reader(sim).follow(answer).json()["_page"]["count"] == 2


def test_it_seeks_back_in_time(sim: Simulator) -> None:
    sim.start_execution()
    sim.skip(3600)
    sim.start_execution(beside=True)
    reader = Reader(sim)
    assert reader.get(seek="-PT10M").json()["_page"]["count"] == 2
    assert reader.get(seek="-PT2H").json()["_page"]["count"] > 10
    assert reader.get(seek="-PT2H", since="x").status_code == 400


def test_a_position_older_than_seven_days_is_gone(sim: Simulator) -> None:
    sim.start_execution()
    reader = Reader(sim)
    first = reader.get(limit=1)
    sim.skip(WEEK + 60)
    sim.start_execution(beside=True)
    reader = Reader(sim)  # the first one's token has expired
    gone = reader.follow(first)
    assert gone.status_code == 410
    assert gone.text == f"Events at position {first.json()['_page']['last']} have expired."
    fresh = reader.get()
    assert fresh.status_code == 200
    assert reader.follow(fresh).status_code == 204


def test_the_end_of_the_journal_stays_good_while_nothing_is_written(sim: Simulator) -> None:
    sim.start_execution()
    reader = Reader(sim)
    end = reader.get(latest="true")
    sim.io_events.expire_journals()
    assert reader.follow(end).status_code == 204
    sim.skip(100)
    assert reader.follow(end).status_code == 410


def test_entries_come_twice_in_another_order_or_not_at_all(sim: Simulator) -> None:
    sim.io_events.fault("duplicate", where="journal")
    sim.io_events.fault("reorder", where="journal", nth=2)
    sim.io_events.fault("lose", where="journal", nth=4)
    sim.start_execution()
    sim.skip(250)
    ids = [item["event"]["@id"] for item in Reader(sim).get().json()["events"]]
    told = [event.event["@id"] for event in sim.io_events.emitted]
    assert len(told) == 5
    assert ids == [told[0], told[0], told[2], told[1], told[4]]


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"x-ims-org-id": "somebody@AdobeOrg"}, 403), ({"x-api-key": "simulated-other"}, 403),
     ({"Authorization": ""}, 403), ({"Authorization": "Bearer simulated-nonsense"}, 401)],
)  # fmt: skip
def test_only_the_organisation_reads_it(sim: Simulator, headers: dict[str, str], status: int) -> None:
    assert Reader(sim, **headers).get().status_code == status


def test_nonsense_is_refused(sim: Simulator) -> None:
    reader = Reader(sim)
    assert reader.get(since="simulated:x:1").status_code == 400
    assert reader.get(limit="0").status_code == 400
    assert reader.get("/organizations/1/integrations/1/nobody").status_code == 404
    other = sim.io_events.journal_url.replace("/events/organizations", "/organizations")
    assert requests.get(other, headers=reader.headers, timeout=60).status_code == 204


@pytest.mark.parametrize(("text", "seconds"), [("-PT2H", 7200), ("-P1DT1M", 86460), ("-PT30S", 30)])
def test_a_seek_is_a_negative_duration(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["PT2H", "-P", "-2H", "", "-PT1.5H"])
def test_any_other_seek_is_refused(text: str) -> None:
    with pytest.raises(BadQuestion):
        seconds_of(text)
