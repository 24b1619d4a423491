"""After everything: was only sent what should be, and is every secret still one?"""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest

from integration.house import SECRETS, SITE_PASSWORD, WRONG, House
from integration.play import PERSON, Run, verb_of

pytestmark = [pytest.mark.airflow, pytest.mark.xdist_group("airflow")]


def test_nothing_was_sent_but_what_each_release_deserved(house: House, all_runs: list[Run]) -> None:
    expected = sorted(
        (run.run_id.removeprefix("execution-"), verb) for run in all_runs for verb in run.play.case.acts
    )
    sent = sorted((act.execution, verb_of(act)) for act in house.simulator.acts if act.by != PERSON)
    assert sent == expected
    assert all(act.status == 202 for act in house.simulator.acts)


def test_no_other_request_than_those_acts_could_change_anything(house: House, all_runs: list[Run]) -> None:
    changing = [
        f"{each.service} {each.method} {each.path}"
        for each in house.simulator.requests
        if each.method not in ("GET", "HEAD") and each.service != "ims"
    ]
    assert len(changing) == sum(len(run.play.case.acts) for run in all_runs)
    assert all(line.startswith("api PUT") for line in changing)


def test_no_secret_is_in_any_log_in_the_evidence_or_in_airflow_s_database(
    house: House, all_runs: list[Run]
) -> None:
    secrets = _secrets(house)
    assert len(secrets) > 4
    found = {
        f"{place}: {name}"
        for place, text in _texts(house)
        for name, secret in secrets.items()
        if secret in text
    }
    assert found == set()


def _texts(house: House) -> Iterator[tuple[str, bytes]]:
    """Tables of the database, logs of tasks, triggers and components, evidence, gate files."""
    yield from house.tables().items()
    for path in house.folder.rglob("*"):
        if path.is_file() and path.name != "passwords.json":
            yield str(path), path.read_bytes()


def _secrets(house: House) -> dict[str, bytes]:
    """Every credential that was configured, and every token that was handed out and used."""
    login = base64.b64encode(f"simulated-user:{SITE_PASSWORD}".encode())
    named = {"site password": SITE_PASSWORD.encode(), "site login": login, "wrong secret": WRONG.encode()}
    named |= {f"client secret {number}": secret.encode() for number, secret in enumerate(SECRETS)}
    tokens = {each.header("Authorization") for each in house.simulator.requests}
    bearers = sorted(
        token.removeprefix("Bearer ") for token in tokens if token and token.startswith("Bearer ")
    )
    return named | {f"token {number}": token.encode() for number, token in enumerate(bearers)}
