"""An Airflow whose every credential is a canary, and which meets nobody but servers that give back what they are sent."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

from integration.canaries import Canary
from integration.cases import Case
from integration.house import DECIDER, READER, House
from simulator.faults import Fault
from unit.stage_gate.listeners import Heard

FIELDS = (
    "client secret, reading",
    "client secret, deciding",
    "client secret, refused",
    "site basic auth, password",
    "site edge key",
    "site cookie",
    "site header of the team's own",
    "site bearer token",
    "suite's author password",
    "suite's publish password",
    "Slack token",
    "SMTP password",
    "PagerDuty routing key",
)
"""Credential fields that reach somebody else in these releases; a test sees that each did."""
INNER_FIELDS = (
    "Airflow API secret key",
    "Airflow JWT secret",
    "Airflow result backend URL, password",
    "Airflow broker URL, password",
)
CANARIES = {field: Canary.of(field) for field in (*FIELDS, *INNER_FIELDS)}
_ECHO = ("stage", "stage-author", "production")
_SIGNING = sha256(b"the signing key of the canaries").digest()
_FERNET = sha256(b"the Fernet key of the canaries").digest()
SUITE = """\
import base64, os, sys, urllib.request, xml.etree.ElementTree as xml
told = "\\n".join(f"{name}={value}" for name, value in sorted(os.environ.items()))
for tier in ("AEM_PUBLISH", "AEM_AUTHOR"):
    login = base64.b64encode(f"{os.environ[tier + '_USERNAME']}:{os.environ[tier + '_PASSWORD']}".encode()).decode()
    asked = urllib.request.Request(os.environ[tier + "_URL"], headers={"Authorization": f"Basic {login}"})
    try:
        answer = urllib.request.urlopen(asked, timeout=120)
    except urllib.error.HTTPError as error:
        answer = error
    told += f"\\n{tier}: {answer.headers}\\n{answer.read().decode()}"
print(told)
print(told, file=sys.stderr)
suite = xml.Element("testsuite", name="echo", tests="1", failures="1")
case = xml.SubElement(suite, "testcase", classname="login", name=os.environ["AEM_PUBLISH_PASSWORD"])
xml.SubElement(case, "failure", message=os.environ["AEM_AUTHOR_PASSWORD"]).text = told
xml.SubElement(suite, "system-out").text = told
folder = os.environ["REPORTS_PATH"]
xml.ElementTree(suite).write(f"{folder}/junit.xml")
open(f"{folder}/environment.txt", "w").write(told)
sys.exit(1)
"""
_LOCAL_SETTINGS = """\
from datetime import timedelta

from pagerduty import EventsApiV2Client

EventsApiV2Client.url = property(lambda self: {url!r}, lambda self, value: None)


def task_policy(task):
    task.retry_delay = min(task.retry_delay, timedelta(seconds=1))
"""
"""PagerDuty's client takes no other host from a connection; and the tries of a refused log-in need not be far apart."""


class CanaryHouse(House):
    """`access`: which connection opens which target of which case's site."""

    def __init__(
        self,
        folder: Path,
        cases: Sequence[Case],
        *,
        access: dict[str, dict[str, str]],
        pager: tuple[str, Heard],
        mail: tuple[int, Heard],
    ) -> None:
        super().__init__(folder, cases)
        self.access = access
        self.pager_url, self.pager = pager
        self.mail_port, self.mail = mail

    @property
    def canaries(self) -> list[Canary]:
        """Those of the connections, those that the simulator made, those that Airflow made, its database's password."""
        passwords = self.airflow.passwords.items()
        return [
            *CANARIES.values(),
            Canary.known("signing key", _SIGNING),
            Canary.known("Airflow Fernet key", _FERNET),
            Canary.known("service credentials, private key", self._private_key()),
            *(Canary.known(f"access token {number}", token) for number, token in enumerate(self.tokens())),
            *(Canary.known(f"password of Airflow's user {name}", word) for name, word in passwords),
            *([Canary.known("password of the database", self.postgres.password)] if self.postgres else []),
        ]

    def tokens(self) -> list[str]:
        """What is random in every access token that IMS handed out and that was used."""
        sent = (request.header("authorization") or "" for request in self.simulator.requests)
        words = {value.partition(" ")[2] for value in sent if value.startswith("Bearer simulated-token-")}
        return sorted(word.removeprefix("simulated-token-") for word in words)

    def unused(self) -> list[str]:
        """Fields whose canary reached nobody, so that nobody could have given it back."""
        sent = [
            value
            for request in self.simulator.requests
            for value in (
                unquote_plus(request.body.decode("latin-1")),
                *(value for _, value in request.headers),
            )
        ]
        sent += [_login(value) for value in sent]
        sent += [*self.mail.passwords, *(body.get("routing_key", "") for body in self.pager.bodies)]
        sent += self.slack.authorizations
        everything = "\n".join(sent)
        return [field for field in FIELDS if CANARIES[field].value not in everything]

    def _private_key(self) -> str:
        lines = self.simulator.service_credentials()["integration"]["privateKey"].split()
        return str(lines[len(lines) // 2])

    def _scenario(self) -> dict[str, Any]:
        scenario = super()._scenario()
        scenario["credentials"] = [
            {
                "client_id": READER,
                "client_secrets": [secret("client secret, reading")],
                "profile": "developer",
                "content_copy_manage": True,
            },
            {"client_id": DECIDER, "client_secrets": [secret("client secret, deciding")]},
        ]
        echo = [Fault(effect="echo", service=site, times=None) for site in _ECHO]
        scenario["faults"] = [each.model_dump(mode="json") for each in echo]
        return scenario

    def _write_gates(self) -> None:
        super()._write_gates()
        (self.gates / "suite").mkdir()
        (self.gates / "suite" / "echo.py").write_text(SUITE)
        settings = self.folder / "airflow" / "config"
        settings.mkdir(parents=True)
        (settings / "airflow_local_settings.py").write_text(_LOCAL_SETTINGS.format(url=self.pager_url))

    def _gate(self, case: Case, stage: str, production: str) -> dict[str, Any]:
        gate = super()._gate(case, stage, production)
        [site] = gate["sites"]
        access = self.access[case.name]
        site["stage"] = {"url": stage, "access": access["stage"]}
        environment = self.simulator.describe()["environments"][f"{self.pipelines[case.name]}1"]
        site["author"] = {"url": environment["author"], "access": "suite_author"}
        site["production"] = {"url": production, "access": access["production"]}
        return gate

    def _environment(self) -> dict[str, str]:
        return (
            super()._environment()
            | self._of_cloud_manager()
            | self._of_sites()
            | self._of_notifiers()
            | _inner()
        )

    def _of_cloud_manager(self) -> dict[str, str]:
        org = {"org_id": self.simulator.org_id}
        return {
            "AIRFLOW_CONN_READING": connection(READER, secret("client secret, reading"), org),
            "AIRFLOW_CONN_DECIDING": connection(DECIDER, secret("client secret, deciding"), org),
            "AIRFLOW_CONN_WRONG_SECRET": connection(READER, secret("client secret, refused"), org),
        }

    def _of_sites(self) -> dict[str, str]:
        headers = {
            "Cookie": f"login={secret('site cookie')}",
            "X-Team": secret("site header of the team's own"),
        }
        edge = {"edge_key": secret("site edge key"), "headers": headers}
        service = {"service_credentials": self.simulator.service_credentials()}
        return {
            "AIRFLOW_CONN_SITE_BASIC": connection("simulated-user", secret("site basic auth, password")),
            "AIRFLOW_CONN_SITE_EDGE": connection("", "", edge),
            "AIRFLOW_CONN_SITE_BEARER": connection("", "", {"bearer": secret("site bearer token")}),
            "AIRFLOW_CONN_SITE_SERVICE": connection("", "", service),
            "AIRFLOW_CONN_SUITE_AUTHOR": connection("simulated-author", secret("suite's author password")),
            "AIRFLOW_CONN_SUITE_PUBLISH": connection("simulated-user", secret("suite's publish password")),
        }

    def _of_notifiers(self) -> dict[str, str]:
        mail = {"disable_ssl": True, "disable_tls": True, "from_email": "airflow@example.com"}
        return {
            "AIRFLOW_CONN_SLACK": connection(
                "", secret("Slack token"), {"base_url": f"{self.slack_url}/"}, kind="slack"
            ),
            "AIRFLOW_CONN_PAGER": connection("", secret("PagerDuty routing key"), kind="pagerduty_events"),
            "AIRFLOW_CONN_MAIL": connection(
                "simulated-mail",
                secret("SMTP password"),
                mail,
                kind="smtp",
                host="127.0.0.1",
                port=self.mail_port,
            ),
        }


def _inner() -> dict[str, str]:
    """What Airflow and Stage Gate keep to themselves."""
    result_backend, broker = (
        f"{scheme}://airflow:{CANARIES[field].core.decode()}@127.0.0.1:1/0"
        for scheme, field in (
            ("db+postgresql", "Airflow result backend URL, password"),
            ("redis", "Airflow broker URL, password"),
        )
    )
    return {
        "AIRFLOW_CONN_STAGE_GATE_SIGNING": connection("", base64.b64encode(_SIGNING).decode()),
        "AIRFLOW__CORE__FERNET_KEY": base64.urlsafe_b64encode(_FERNET).decode(),
        "AIRFLOW__API__SECRET_KEY": secret("Airflow API secret key"),
        "AIRFLOW__API_AUTH__JWT_SECRET": secret("Airflow JWT secret"),
        "AIRFLOW__CELERY__RESULT_BACKEND": result_backend,
        "AIRFLOW__CELERY__BROKER_URL": broker,
    }


def _login(authorization: str) -> str:
    scheme, _, value = authorization.partition(" ")
    return base64.b64decode(value).decode() if scheme == "Basic" else ""


def secret(field: str) -> str:
    return CANARIES[field].value


def connection(
    login: str, password: str, extra: dict[str, Any] | None = None, *, kind: str = "http", **fields: Any
) -> str:
    return json.dumps(
        {"conn_type": kind, "login": login, "password": password, "extra": extra or {}, **fields}
    )
