"""Does any credential turn up where it does not belong? A canary in every field, releases of every end, and a search."""

from __future__ import annotations

import base64
import gzip
import json
import shlex
import sys
import zlib
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from integration.canaries import Canary, Place, files_below, tables_of
from integration.canary_house import CANARIES, FIELDS, CanaryHouse
from integration.cases import case
from integration.house import LOCKED_OUT
from integration.play import PATIENCE, Play, Run
from local_postgres import LocalPostgres, PostgresMissing, programs
from simulator.echo import MARK
from simulator.faults import Fault
from unit.stage_gate.listeners import mail_listener, web_listener

REFUSED = "90001"
"""Named by a run whose connection IMS refuses."""
_TELLS_ALL = {
    "slack": {"connection": "slack", "channel": "#releases"},
    "email": {"connection": "mail", "to": ["oncall@example.com"]},
    "pagerduty": {"connection": "pager"},
}
_SUITE: dict[str, Any] = {
    "name": "echo",
    "folder": "suite",
    "run": f"{shlex.quote(sys.executable)} echo.py",
    "within": "10m",
    "publish": "suite_publish",
    "isolation": "accepted",
}


@case(gate={"production_tests": ["key_pages"], "notify": _TELLS_ALL}, acts=("approve",))
def approved_beside_errors_that_echo(play: Play) -> Run:
    """Cloud Manager gives back the bearer token in the errors that the gate gets over."""
    execution = play.start_execution()
    play.simulator.inject(_cloud_manager_echoes(execution, status=503, nth=2, times=2))
    play.simulator.inject(_cloud_manager_echoes(execution, status=401, nth=6, times=1))
    run_id = f"execution-{execution}"
    play.trigger(play.dag_id, dag_run_id=run_id, conf={"control": "a conf of the canaries"})
    note = {"note": "a note of the canaries"}
    run = play.end(run_id)
    play.tell("PATCH", f"/dags/{play.dag_id}/dagRuns/{run_id}/taskInstances/judge", note)
    return run


@case(
    release={"stage": {"defects": ["page_500"]}},
    gate={"checks": {"suites": [_SUITE]}, "notify": _TELLS_ALL},
    acts=("reject",),
)
def halted_with_a_suite_that_prints_everything(play: Play) -> Run:
    return play.end(play.begin())


@case(
    gate={
        "checks": {"tells_what_opens": {}},
        "policy": {"inconclusive": {"ask": ["admin"], "within": "15m", "silence": "hold"}},
        "notify": _TELLS_ALL,
    }
)
def asked_and_then_refused_with_an_echo(play: Play) -> Run:
    """The override's request is answered 403 with the bearer token in it."""
    run_id = play.begin()
    execution = run_id.removeprefix("execution-")
    play.simulator.inject(_cloud_manager_echoes(execution, method="PUT", status=403))
    play.decide(run_id, "Override", "the check is broken, looked at by hand")
    return play.end(run_id)


@case()
def refused_by_a_login_service_that_echoes(play: Play) -> Run:
    """After the others: IMS gives back client secret and signed request, to this gate and to the locked-out one."""
    for other in CASES[:-1]:
        play.house.ends[other.name].result()
    play.simulator.inject(Fault(effect="echo_error", service="ims", status=401, times=None))
    locked = play.trigger(f"stage_gate.{LOCKED_OUT}", dag_run_id=f"execution-{REFUSED}")
    run = play.end(play.begin())
    play.airflow.wait_until(
        lambda: play.house.ended(f"stage_gate.{LOCKED_OUT}", locked),
        PATIENCE,
        lambda: "the locked-out run goes on",
    )
    return run


CASES = (
    approved_beside_errors_that_echo,
    halted_with_a_suite_that_prints_everything,
    asked_and_then_refused_with_an_echo,
    refused_by_a_login_service_that_echoes,
)
_ACCESS = {
    CASES[0].name: {"stage": "site_basic", "production": "site_bearer"},
    CASES[1].name: {"stage": "site_edge", "production": "site_bearer"},
    CASES[2].name: {"stage": "site_service", "production": "site_bearer"},
    CASES[3].name: {"stage": "site_service", "production": "site_bearer"},
}


def _cloud_manager_echoes(execution: str, **how: Any) -> Fault:
    return Fault.model_validate(
        {
            "effect": "echo_error",
            "path": f"/execution/{execution}(/|$)",
            "method": "GET",
            "times": None,
            **how,
        }
    )


@pytest.fixture(scope="module")
def canary_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CanaryHouse]:
    """All releases are over when a test gets it."""
    with (
        web_listener({"status": "success", "dedup_key": "x"}, 202) as pager,
        mail_listener() as mail,
        CanaryHouse(
            tmp_path_factory.mktemp("canaries"), CASES, access=_ACCESS, pager=pager, mail=mail
        ) as house,
    ):
        for each in CASES:
            house.end_of(each)
        yield house


@pytest.fixture(scope="module")
def places(canary_house: CanaryHouse) -> dict[str, Place]:
    """Everything that is searched. Not there: the simulator's own memory, and the files that are to hold secrets."""
    house, home = canary_house, canary_house.airflow.home
    tables = house.tables()
    found = [
        Place("logs", files_below(home / "logs"), b"Sending the one request to approve"),
        Place("logs of components", files_below(home / "logs" / "components"), b"stage_gate."),
        Place("the rest of Airflow's home", files_below(home, "*", without=_TO_HOLD_SECRETS), b"airflow"),
        Place("evidence", files_below(house.evidence), MARK.encode()),
        Place("reports", files_below(house.evidence, "**/*report*"), REPORTED),
        Place("Slack", {"Slack": json.dumps(house.slack.bodies).encode()}, b"halted"),
        Place("PagerDuty", {"PagerDuty": json.dumps(_without_key(house.pager.bodies)).encode()}, b"halted"),
        Place("e-mail", {str(n): bytes(mail) for n, mail in enumerate(house.mail.mails)}, b"halted"),
        Place("database", tables, b"stage_gate."),
        *(Place(f"table {name}", {name: tables[name]}, control) for name, control in _TABLES.items()),
    ]
    return {place.name: place for place in found}


REPORTED = b"halted"
_TO_HOLD_SECRETS = ("passwords.json", "airflow.db", "airflow.db-wal", "airflow.db-shm")
_TABLES = {
    "xcom": b"approve_production",
    "rendered_task_instance_fields": b"execution_id",
    "hitl_detail": b"Override",
    "dag_run": b"a conf of the canaries",
    "task_instance_note": b"a note of the canaries",
    "log": b"trigger_dag_run",
    "trigger": b"",
    "task_state_store": b"",
    "serialized_dag": b"gate_file",
    "task_instance": b"approve_production",
}
PLACES = (
    "logs",
    "logs of components",
    "the rest of Airflow's home",
    "evidence",
    "reports",
    "Slack",
    "PagerDuty",
    "e-mail",
    "database",
    *(f"table {name}" for name in _TABLES),
)


def _without_key(bodies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What PagerDuty shows: the routing key is how a message gets there, and where it has to be."""
    return [{key: value for key, value in body.items() if key != "routing_key"} for body in bodies]


@pytest.mark.airflow
@pytest.mark.xdist_group("airflow")
@pytest.mark.parametrize("name", PLACES)
def test_no_canary_turns_up(canary_house: CanaryHouse, places: dict[str, Place], name: str) -> None:
    place = places[name]
    assert place.is_read, f"{name} does not hold {place.control!r}, so it was not searched"
    assert place.found(canary_house.canaries) == []


@pytest.mark.airflow
@pytest.mark.xdist_group("airflow")
def test_every_canary_was_really_used(canary_house: CanaryHouse) -> None:
    assert canary_house.unused() == []
    assert len(canary_house.tokens()) > len(CASES)


@pytest.mark.airflow
@pytest.mark.xdist_group("airflow")
def test_the_releases_of_the_canaries_ended_in_every_way(canary_house: CanaryHouse) -> None:
    approved, halted, asked, refused = (canary_house.end_of(each) for each in CASES)
    assert (approved.state, approved.decision["decision"], approved.acts) == (
        "success",
        "approved",
        ["approve"],
    )
    assert (halted.decision["decision"], halted.acts) == ("halted", ["reject"])
    assert asked.decision["decision"] == "held"
    assert (refused.state, refused.acts) == ("failed", [])


DISGUISED = {
    "as it is": lambda value: value,
    "in HTML": escape,
    "in a URL": lambda value: quote(value, safe=""),
    "in a form": quote_plus,
    "in JSON": json.dumps,
    "cut at the end": lambda value: value[: len(value) - 20],
    "cut at the start": lambda value: value[-28:],
    "in base64": lambda value: base64.b64encode(value.encode()).decode(),
    "after one byte in base64": lambda value: base64.b64encode(f"a{value}".encode()).decode(),
    "after two bytes in base64": lambda value: base64.b64encode(f"ab{value}".encode()).decode(),
    "in base64 for URLs": lambda value: base64.urlsafe_b64encode(value.encode()).decode(),
    "in hexadecimal": lambda value: value.encode().hex(),
}


@pytest.mark.parametrize("how", DISGUISED)
@pytest.mark.parametrize("field", FIELDS)
def test_the_search_finds_a_canary_in_each_disguise(how: str, field: str, tmp_path: Path) -> None:
    (tmp_path / "told.txt").write_text(f"before {DISGUISED[how](CANARIES[field].value)} after")
    place = Place("told", files_below(tmp_path), b"before")
    assert place.found([CANARIES[field]]) == [f"{field} in told.txt"]
    others = [canary for other, canary in CANARIES.items() if other != field]
    assert place.found(others) == []


def test_the_search_looks_into_packed_files(tmp_path: Path) -> None:
    canary = Canary.of("packed")
    (tmp_path / "told.gz").write_bytes(gzip.compress(canary.value.encode()))
    assert Place("told", files_below(tmp_path), b"").found([canary]) == ["packed in told.gz"]


def test_the_search_looks_into_every_kind_of_value_of_postgresql() -> None:
    try:
        programs()
    except PostgresMissing as missing:
        pytest.skip(str(missing))
    canary = Canary.of("kept")
    told = (json.dumps({"a": canary.value}), [canary.value], zlib.compress(canary.value.encode()))
    with LocalPostgres() as postgres, postgres.connected() as connection, connection.cursor() as cursor:
        for kind, value in zip(("json", "jsonb", "text[]", "bytea"), (told[0], *told), strict=True):
            name = kind.strip("[]")
            cursor.execute(f'CREATE TABLE "{name}" (value {kind})')
            cursor.execute(f'INSERT INTO "{name}" VALUES (%s)', [value])
        tables = tables_of(postgres)
    found = Place("tables", tables, b"").found([canary])
    assert sorted(found) == [f"kept in {name}" for name in ("bytea", "json", "jsonb", "text")]
