"""The connection type in Airflow: its description, its Test button, the deployment's settings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import airflow
import jsonschema  # type: ignore[import-untyped]
import pytest
from tenacity import wait_fixed

from adobe_cloud_manager.exceptions import CloudManagerError, InvalidRequest
from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook
from adobe_cloud_manager.provider import get_provider_info
from adobe_cloud_manager.settings import API_URL, IMS_URL, Settings, base_url
from unit.adobe_cloud_manager.adobe_double import ORG, Adobe
from unit.adobe_cloud_manager.local_server import SILENCE, reply
from unit.adobe_cloud_manager.virtual_time import every_answer_takes

ROOT = Path(__file__).parents[3]
TENANT = {"_embedded": {"tenants": [{"id": "7", "imsTenantId": "acme"}]}}
PROGRAMS = {"_embedded": {"programs": [{"id": "1"}, {"id": "2"}]}}


def tried(**options: Any) -> tuple[bool, str]:
    quick: dict[str, Any] = {"deadline": 120, "request_timeout": 60, "backoff": wait_fixed(0.2)}
    return CloudManagerHook(**(quick | options)).test_connection()


def test_airflow_accepts_the_description() -> None:
    schema = json.loads((Path(airflow.__file__).parent / "provider_info.schema.json").read_text())
    jsonschema.validate(get_provider_info(), schema)


def test_every_name_in_the_description_exists() -> None:
    from importlib import import_module

    info = get_provider_info()
    (kind,) = info["connection-types"]
    for dotted in [kind["hook-class-name"], *info["extra-links"]]:
        module, _, name = dotted.rpartition(".")
        assert hasattr(import_module(module), name)
    for part in ("hooks", "operators", "sensors", "triggers"):
        for module in info[part][0]["python-modules"]:
            import_module(module)


def test_the_hook_is_what_the_connection_type_says() -> None:
    (kind,) = get_provider_info()["connection-types"]
    assert CloudManagerHook.conn_type == kind["connection-type"]
    assert CloudManagerHook.hook_name == kind["hook-name"]
    assert CloudManagerHook("x").cloud_manager_conn_id == "x"
    assert CloudManagerHook.conn_name_attr == "cloud_manager_conn_id"


def test_the_form_asks_for_what_the_hook_reads() -> None:
    (kind,) = get_provider_info()["connection-types"]
    assert set(kind["conn-fields"]) == {"org_id", "scopes"}
    assert set(kind["ui-field-behaviour"]["relabeling"]) == {"login", "password"}
    assert "host" in kind["ui-field-behaviour"]["hidden-fields"]


def test_the_test_names_the_tenant(adobe: Adobe) -> None:
    adobe.routes |= {"/api/tenants": reply(200, TENANT), "/api/tenant/7/programs": reply(200, PROGRAMS)}
    assert tried() == (True, "Connected to tenant 'acme'; the credential sees 2 program(s).")


def test_the_test_works_for_a_plain_http_connection(adobe: Adobe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_PLAIN", adobe.connection(conn_type="http"))
    adobe.routes |= {"/api/tenants": reply(200, TENANT), "/api/tenant/7/programs": reply(200, PROGRAMS)}
    assert tried(cloud_manager_conn_id="plain")[0]


@pytest.mark.parametrize(
    ("ims", "tenants", "told"),
    [
        (
            reply(400, {"error": "invalid_client", "error_description": "invalid client_secret"}),
            None,
            "secret is wrong",
        ),
        (reply(400, {"error": "invalid_scope"}), None, "scope is not granted"),
        (SILENCE, None, "token request for the credential of connection 'cloud_manager_default' failed"),
        (None, reply(403, {"error_code": "403025", "message": "Profile is not valid"}), "org_id"),
        (
            None,
            reply(403, {"error_code": "403003", "message": "Api Key is invalid"}),
            "Add the Cloud Manager API",
        ),
        (
            None,
            reply(401, {"error_code": "401013", "message": "Oauth token is not valid"}),
            "401013|removed from",
        ),
        (None, reply(403, {"title": "User unauthorized."}), "product profile"),
        (None, reply(200, {}), "no tenant: add a Cloud Manager product profile"),
        (None, reply(503), "503"),
        (None, reply(200, body=b"<html>"), "not a JSON object"),
    ],
)
def test_the_test_says_what_is_wrong(
    adobe: Adobe, ims: bytes | None, tenants: bytes | None, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    every_answer_takes(100, adobe, monkeypatch)
    adobe.token_answers = [ims] * 10_000 if ims else []
    adobe.routes["/api/tenants"] = tenants or reply(200, TENANT)
    worked, sentence = tried(deadline=600)
    assert not worked
    assert any(part in sentence for part in told.split("|")), sentence
    assert adobe.client_secret not in sentence


def test_the_test_names_missing_scopes(adobe: Adobe, monkeypatch: pytest.MonkeyPatch) -> None:
    extra = {"org_id": ORG, "scopes": "openid,AdobeID"}
    monkeypatch.setenv("AIRFLOW_CONN_CLOUD_MANAGER_DEFAULT", adobe.connection(extra=extra))
    adobe.routes["/api/tenants"] = reply(403, {"title": "User unauthorized."})
    assert "does not ask for the scopes read_organizations" in tried()[1]


def test_a_tenant_without_programs_is_not_a_success(adobe: Adobe) -> None:
    adobe.routes |= {"/api/tenants": reply(200, TENANT), "/api/tenant/7/programs": reply(200, {})}
    worked, sentence = tried()
    assert not worked
    assert "product profile" in sentence


@pytest.mark.parametrize("missing", ["login", "password", "extra"])
def test_an_incomplete_connection_is_told_field_by_field(
    adobe: Adobe, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_CLOUD_MANAGER_DEFAULT", adobe.connection(**{missing: None}))
    worked, sentence = tried()
    assert not worked
    assert "lacks" in sentence
    assert adobe.server.requests == []


TEST_BUTTON = """
from airflow.providers_manager import ProvidersManager
from airflow.sdk import Connection
import json
kind = ProvidersManager().hooks["adobe_cloud_manager"]
print(json.dumps([kind.hook_name, Connection.get("cloud_manager_default").test_connection()]))
"""


def test_an_installed_package_brings_the_connection_type_and_its_test_button(
    adobe: Adobe, tmp_path: Path
) -> None:
    """In an interpreter of its own, where the package's entry point is found as if it were installed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    metadata = tmp_path / "aem_stage_gate-0.1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: aem-stage-gate\nVersion: 0.1.0\n")
    ((group, entries),) = [
        (name, found) for name, found in project["entry-points"].items() if name.startswith("apache")
    ]
    lines = "".join(f"{name} = {target}\n" for name, target in entries.items())
    (metadata / "entry_points.txt").write_text(f"[{group}]\n{lines}")
    adobe.routes |= {"/api/tenants": reply(200, TENANT), "/api/tenant/7/programs": reply(200, PROGRAMS)}
    places = os.pathsep.join([str(tmp_path), str(ROOT / "plugins")])
    done = subprocess.run(
        [sys.executable, "-c", TEST_BUTTON],
        env=os.environ | {"PYTHONPATH": places},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    name, (worked, sentence) = json.loads(done.stdout.splitlines()[-1])
    assert (name, worked) == ("Adobe Cloud Manager", True), sentence
    assert "acme" in sentence


def test_without_configuration_the_endpoints_are_adobes() -> None:
    assert Settings.load() == Settings(API_URL, IMS_URL, 120)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8080",
        "http://localhost:1",
        "http://[::1]:9",
        "https://proxy.example",
        "https://a.b/",
    ],
)
def test_https_and_this_machine_are_accepted(url: str) -> None:
    assert base_url("api_url", url) == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "http://cloudmanager.adobe.io",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example",
        "https://user:pw@cloudmanager.adobe.io",
        "https://cloudmanager.adobe.io/api",
        "https://cloudmanager.adobe.io?x",
        "https://",
        "cloudmanager.adobe.io",
        "ftp://127.0.0.1",
        "https://a:b",
        "https://[::1",
        "",
    ],
)
def test_any_other_address_is_refused(url: str) -> None:
    with pytest.raises(InvalidRequest, match="api_url"):
        base_url("api_url", url)


@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5", ""])
def test_a_budget_that_is_no_number_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("AIRFLOW__ADOBE_CLOUD_MANAGER__REQUESTS_PER_MINUTE", value)
    with pytest.raises(CloudManagerError, match="requests_per_minute"):
        Settings.load()
