"""What a worker says of its own gaps: pure sentences from facts, and real files, variables and ports."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from aem_checks.code_user import CodeUser
from stage_gate.commands.diagnosis import State
from stage_gate.commands.doctor_visit import examine_exposure
from stage_gate.configuration.gate import Gate
from stage_gate.configuration.gate_file import gate_from_content
from stage_gate.observing import exposed_routes, exposure
from stage_gate.observing.exposed_routes import Route, route_to
from stage_gate.observing.exposure import ALL_CODE, Code, Facts, Place, judge, look
from stage_gate.observing.isolation import forecast, teams_checks
from unit.aem_checks.other_user import NOBODY, needs_root, open_folder
from unit.stage_gate.waiting import PATIENCE

SUITES = CodeUser("suites", 60000, 60000)
OWN_CHECKS, NOTHING = frozenset({Code.OWN_CHECKS}), frozenset[Code]()
ANYWHERE = Route(exposed_routes.NOBODY, exposed_routes.RESERVED, 80)
METADATA = Route(exposed_routes.CLOUD, "169.254.169.254", 80, is_open=True)


def said(facts: Facts) -> str:
    return "\n".join(str(exposure) for exposure in judge(facts))


def exposures(deciding: list[str] | None = None) -> list[str]:
    return [str(exposure) for exposure in judge(look(deciding or []))]


def test_a_worker_that_keeps_everything_apart_has_nothing_to_say() -> None:
    assert said(Facts(worker=50000, user=SUITES, variables=("AIRFLOW__CORE__FERNET_KEY",))) == ""


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (Facts(50000, None), "run as the worker's own user (uid 50000)"),
        (Facts(50000, None, variables=("AIRFLOW_CONN_DECIDING",)), "holds AIRFLOW_CONN_DECIDING, in reach"),
        (Facts(50000, SUITES, variables=("AIRFLOW_CONN_D",), own_kinds=True), "AIRFLOW_CONN_D"),
        (Facts(50000, SUITES, own_kinds=True), "imported by each task"),
        (
            Facts(50000, SUITES, places=(Place("the evidence store", Path("/e"), "rwx"),)),
            "can change the evidence store (/e)",
        ),
        (
            Facts(50000, SUITES, places=(Place("the evidence store", Path("/e"), "rx"),)),
            "can read the evidence store (/e)",
        ),
        (
            Facts(50000, SUITES, routes=(Route("Airflow's database", "postgres", 5432),)),
            "connections to Airflow's database at postgres:5432",
        ),
        (
            Facts(50000, SUITES, routes=(Route("Airflow's message broker", "redis", 6379, is_open=True),)),
            "redis:6379, which asks for no password",
        ),
        (Facts(50000, SUITES, routes=(METADATA, ANYWHERE)), "Something answers for each address on port 80"),
        (Facts(50000, SUITES, routes=(METADATA,)), "which gives this machine's credentials to whoever asks"),
        (
            Facts(50000, SUITES, places=(Place(exposure._POD, Path("/t"), "r"),)),
            "automountServiceAccountToken: false",
        ),
        (Facts(50000, None, problem="It names 'x'. To do: create it."), "Nothing of a team can run here"),
    ],
)
def test_each_gap_is_a_sentence_with_something_to_do(facts: Facts, words: str) -> None:
    assert words in said(facts)
    assert all(str(exposure).count("To do: ") == 1 and exposure.remedy for exposure in judge(facts))


@pytest.mark.parametrize(
    ("facts", "opens"),
    [
        (Facts(50000, None), ALL_CODE),
        (Facts(50000, None, variables=("AIRFLOW_CONN_D",)), ALL_CODE),
        (Facts(50000, SUITES, own_kinds=True), OWN_CHECKS),
        (Facts(50000, SUITES, variables=("AIRFLOW_CONN_D",), own_kinds=True), OWN_CHECKS),
        (Facts(50000, SUITES, places=(Place("the evidence store", Path("/e"), "x"),)), ALL_CODE),
        (
            Facts(50000, SUITES, routes=(Route("Airflow's database", "postgres", 5432, is_open=True),)),
            ALL_CODE,
        ),
        (Facts(50000, SUITES, routes=(METADATA,)), ALL_CODE),
        (Facts(50000, SUITES, routes=(METADATA, ANYWHERE)), NOTHING),
        (Facts(50000, SUITES, routes=(Route("Airflow's database", "postgres", 5432),)), NOTHING),
        (Facts(50000, SUITES, unknown="What it may read can't be asked: TimeoutExpired"), ALL_CODE),
        (Facts(50000, None, problem="It names 'x'. To do: create it."), NOTHING),
    ],
)
def test_whose_isolation_a_gap_ends(facts: Facts, opens: frozenset[Code]) -> None:
    assert {each.opens for each in judge(facts)} == {opens}


def test_long_lists_of_secrets_are_shortened() -> None:
    assert "V7 and 4 more" in said(Facts(1, None, variables=tuple(f"V{number}" for number in range(12))))


@pytest.mark.parametrize(
    ("url", "route"),
    [
        ("postgresql+psycopg2://airflow:pw@postgres/airflow", ("postgres", 5432)),
        ("redis://:pw@redis:6380/0", ("redis", 6380)),
        ("http://api-server:8080/execution/", ("api-server", 8080)),
        ("sqlite:////opt/airflow/airflow.db", None),
        ("airflow-db-not-allowed:///", None),
        ("http://[broken", None),
        ("", None),
    ],
)
def test_where_a_server_is_comes_from_its_url(url: str, route: tuple[str, int] | None) -> None:
    found = route_to("it", url)
    assert (found and (found.host, found.port)) == route


@pytest.mark.parametrize(
    ("url", "is_open"),
    [
        ("postgresql://airflow:pw@postgres/airflow", False),
        ("postgresql://airflow@postgres/airflow", True),
        ("redis://:pw@redis/0", False),
        ("redis://redis/0", True),
        ("redis://:@redis/0", True),
    ],
)
def test_a_server_whose_url_has_no_password_is_open(url: str, is_open: bool) -> None:
    found = route_to("it", url)
    assert found is not None
    assert found.is_open is is_open


@contextmanager
def listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@contextmanager
def closed_port() -> Iterator[int]:
    """A port that nobody listens on and nobody else is given."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with open_folder() as folder:
        (folder / "evidence").mkdir()
        monkeypatch.setenv("AIRFLOW__STAGE_GATE__EVIDENCE", str(folder / "evidence"))
        monkeypatch.setenv("AIRFLOW_HOME", str(folder / "home"))
        monkeypatch.delenv("AEM_CHECKS_SUITE_USER", raising=False)
        monkeypatch.setattr("aem_checks.code_user._SECONDS", PATIENCE)
        monkeypatch.setattr(exposed_routes, "METADATA", ())
        monkeypatch.setattr(exposed_routes, "RESERVED", "127.0.0.9")
        yield folder / "evidence"


def test_a_port_that_answers_is_named_and_a_closed_one_is_not(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listening() as port, closed_port() as closed:
        monkeypatch.setenv(
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", f"postgresql://a:pw@127.0.0.1:{port}/airflow"
        )
        monkeypatch.setenv("AIRFLOW__CELERY__BROKER_URL", f"redis://:pw@127.0.0.1:{closed}/0")
        routes = look().routes
    assert Route("Airflow's database", "127.0.0.1", port) in routes
    assert closed not in {route.port for route in routes}


@needs_root
def test_a_route_is_tried_as_the_suites_user_as_a_firewall_sees_it(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a firewall that keeps this one user out closes the route, and nothing else has to."""
    monkeypatch.setenv("AEM_CHECKS_SUITE_USER", "nobody")
    owners: list[int] = []
    connect = socket.socket.connect

    def noted(connection: socket.socket, address: Any) -> None:
        owners.append(os.fstat(connection.fileno()).st_uid)
        connect(connection, address)

    monkeypatch.setattr(socket.socket, "connect", noted)
    with listening() as port:
        monkeypatch.setattr(exposed_routes, "METADATA", ("127.0.0.1",))
        monkeypatch.setattr(exposed_routes, "RESERVED", "127.0.0.9")
        monkeypatch.setattr(exposed_routes, "METADATA_PORT", port)
        assert Route(exposed_routes.CLOUD, "127.0.0.1", port, is_open=True) in look().routes
    assert set(owners) == {NOBODY}


def test_an_api_server_on_which_everybody_is_admin_is_open(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listening() as port:
        monkeypatch.setenv("AIRFLOW__CORE__EXECUTION_API_SERVER_URL", f"http://127.0.0.1:{port}/execution/")
        for everybody in ("False", "True"):
            monkeypatch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS", everybody)
            (route,) = [each for each in look().routes if each.port == port]
            assert route.is_open is (everybody == "True")


@needs_root
@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        (
            "AIRFLOW__SECRETS__BACKEND_KWARGS",
            '{{"connections_file_path": "{}"}}',
            "the file of Airflow's connections",
        ),
        (
            "AIRFLOW__WORKERS__SECRETS_BACKEND_KWARGS",
            '{{"variables_file_path": "{}"}}',
            "Airflow's connections",
        ),
        ("GOOGLE_APPLICATION_CREDENTIALS", "{}", "the file that GOOGLE_APPLICATION_CREDENTIALS names"),
    ],
)
def test_files_with_keys_that_the_suites_user_may_read_are_named(
    store: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, words: str
) -> None:
    monkeypatch.setenv("AEM_CHECKS_SUITE_USER", "nobody")
    keys = store.parent / "keys.json"
    keys.write_text("{}")
    monkeypatch.setenv(variable, value.format(keys))
    for mode, named in ((0o600, False), (0o644, True)):
        keys.chmod(mode)
        assert any(words in each for each in exposures()) is named


def test_secrets_around_are_named_and_never_quoted(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_CLOUD_MANAGER_DECIDING", "canary-1")
    monkeypatch.setenv("AIRFLOW_CONN_STAGE_GATE_SIGNING", "canary-2")
    monkeypatch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", "canary-3")
    monkeypatch.setenv("AIRFLOW_CONN_OTHER", "canary-4")
    names = set(look(["cloud_manager_deciding"]).variables)
    ours = {"AIRFLOW_CONN_CLOUD_MANAGER_DECIDING", "AIRFLOW_CONN_STAGE_GATE_SIGNING"}
    assert names >= {*ours, "AIRFLOW__API_AUTH__JWT_SECRET"}
    assert "AIRFLOW_CONN_OTHER" not in names
    assert "canary" not in " ".join(exposures(["cloud_manager_deciding"]))


def test_the_workers_own_user_is_said_once(store: Path) -> None:
    assert sum(f"(uid {os.geteuid()})" in sentence for sentence in exposures()) == 1


@needs_root
@pytest.mark.parametrize(("mode", "words"), [(0o700, None), (0o755, "can read"), (0o777, "can change")])
def test_an_evidence_store_that_the_suites_user_reaches_is_named(
    store: Path, monkeypatch: pytest.MonkeyPatch, mode: int, words: str | None
) -> None:
    monkeypatch.setenv("AEM_CHECKS_SUITE_USER", "nobody")
    store.chmod(mode)
    about = [sentence for sentence in exposures() if "evidence store" in sentence]
    assert len(about) == (0 if words is None else 1)
    assert all(words and words in sentence for sentence in about)
    assert look().user == CodeUser("nobody", NOBODY, NOBODY)


@needs_root
def test_what_can_not_be_found_out_counts_as_in_reach(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AEM_CHECKS_SUITE_USER", "nobody")
    monkeypatch.setattr("aem_checks.code_user._LOOK", "exit 7")
    first = next(iter(judge(look())))
    assert first.opens == ALL_CODE
    assert "It is not known what suites and a team's own checks could read here" in first.sentence
    assert "CalledProcessError" in first.sentence


def test_a_user_that_can_not_be_used_is_said(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AEM_CHECKS_SUITE_USER", "no-such-user-xyz")
    (sentence,) = exposures()
    assert "no such user" in sentence


def gate(folder: Path, **changes: Any) -> Gate:
    content = {
        "pipeline": {"connection": "cloud_manager_default", "program": "12345", "pipeline": "678901"},
        "sites": [
            {"name": "wknd", "stage": "https://publish-p12345-e7654321.adobeaemcloud.com", "pages": ["/"]}
        ],
        "mode": "guard",
    }
    return gate_from_content("wknd", content | changes, folder=folder)


SUITE = {"suites": [{"name": "cypress", "folder": "ui.tests", "run": "npm test"}]}


def test_a_gate_without_suites_runs_no_code_of_a_team(tmp_path: Path) -> None:
    assert teams_checks(gate(tmp_path)) == []
    assert [check.key for check in teams_checks(gate(tmp_path, checks=SUITE))] == ["suites.cypress"]


@pytest.mark.parametrize(
    ("changes", "warned"),
    [({"checks": SUITE}, True), ({}, False), ({"checks": SUITE, "mode": "shadow"}, True)],
)
def test_only_a_gate_that_has_suites_warns(
    store: Path, tmp_path: Path, changes: dict[str, Any], warned: bool
) -> None:
    assert bool(forecast(gate(tmp_path, **changes))) is warned


def test_doctor_shows_the_gaps_of_a_gate_with_suites_only(store: Path, tmp_path: Path) -> None:
    assert list(examine_exposure(gate(tmp_path))) == []
    shown = list(examine_exposure(gate(tmp_path, checks=SUITE)))
    assert any("run as the worker's own user" in each.detail for each in shown)
    assert shown[0].state is State.BAD
    assert all(each.remedy for each in shown)


def test_a_reading_credential_that_may_also_decide_is_named(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_CLOUD_MANAGER_DEFAULT", "canary")
    said = " ".join(forecast(gate(tmp_path, checks=SUITE)))
    assert "AIRFLOW_CONN_CLOUD_MANAGER_DEFAULT" in said
