"""Is docker-compose.yaml valid, without a default secret, and is the deciding credential in one place only?"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from stage_gate.evidence.signing import public_key, read_key

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "docker-compose.yaml"
SECRETS = {
    "AIRFLOW_FERNET_KEY",
    "AIRFLOW_JWT_SECRET",
    "AIRFLOW_API_SECRET_KEY",
    "AIRFLOW_ADMIN_PASSWORD",
    "POSTGRES_PASSWORD",
    "REDIS_PASSWORD",
    "CLOUD_MANAGER_READING",
    "CLOUD_MANAGER_DECIDING",
    "STAGE_GATE_SIGNING_KEY",
}
REQUIRED = SECRETS | {"STAGE_GATE_TRUSTED_KEYS"}
LONG_RUNNING = {
    "postgres",
    "redis",
    "api-server",
    "scheduler",
    "dag-processor",
    "triggerer",
    "worker",
    "worker-deciding",
}


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())["services"]
    return found


def test_the_file_is_what_the_compose_specification_allows() -> None:
    command = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        "vendor.compose-spec",
        str(COMPOSE),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_secret_is_required_and_none_has_a_default() -> None:
    text = re.sub(r"^\s*#.*$", "", COMPOSE.read_text(), flags=re.MULTILINE).replace("$$", "")
    used = re.findall(r"\$\{([A-Z_]+)([^}]*)\}", text)
    assert {name for name, _ in used} >= REQUIRED
    for name, rule in used:
        if name in REQUIRED:
            assert re.fullmatch(r":\?.+", rule), f"{name} can be left out: {rule!r}"


def test_no_setting_that_sounds_secret_is_written_out(services: dict[str, Any]) -> None:
    for name, service in services.items():
        for key, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD$|SECRET|FERNET|_CONN_|SQL_ALCHEMY|BROKER|BACKEND", key):
                assert ":?" in value, f"{name}: {key} does not come from a required variable"


def test_only_the_deciding_worker_has_the_deciding_credential(services: dict[str, Any]) -> None:
    holders = {name for name, service in services.items() if "DECIDING:?" in str(service)}
    assert holders == {"worker-deciding"}
    command = services["worker-deciding"]["command"]
    assert command[command.index("--queues") + 1] == "deciding"
    assert "deciding" not in services["worker"]["command"]
    shared = services["worker-deciding"]["environment"]
    assert shared["AIRFLOW__STAGE_GATE__DECIDING_QUEUE"] == "deciding"


def test_only_the_deciding_worker_holds_the_signing_key_and_all_trust_its_public_half(
    services: dict[str, Any],
) -> None:
    assert {name for name, service in services.items() if "SIGNING_KEY" in str(service)} == {
        "worker-deciding"
    }
    connection = services["worker-deciding"]["environment"]["AIRFLOW_CONN_STAGE_GATE_SIGNING"]
    key = base64.b64encode(b"a signing key for tests, 32 byte").decode()
    read = json.loads(re.sub(r"\$\{STAGE_GATE_SIGNING_KEY:[^}]*\}", key, connection))
    assert read == {"conn_type": "generic", "password": key}
    trusting = {name for name, service in services.items() if "TRUSTED_KEYS" in str(service)}
    assert trusting >= {"worker", "worker-deciding", "triggerer", "api-server", "dag-processor", "scheduler"}


def test_ports_are_published_on_loopback_only(services: dict[str, Any]) -> None:
    published = [port for service in services.values() for port in service.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_every_long_running_service_has_a_health_check(services: dict[str, Any]) -> None:
    checked = {name for name, service in services.items() if "healthcheck" in service}
    assert checked == LONG_RUNNING


def test_the_simulator_starts_in_profile_demo_only(services: dict[str, Any]) -> None:
    simulated = {name for name in services if name.startswith("simulator")}
    assert "simulator" in simulated
    for name, service in services.items():
        assert service.get("profiles", []) == (["demo"] if name in simulated else [])
        assert ("STAGE_GATE_SIMULATOR" in service.get("environment", {})) == (name in simulated)


def test_database_and_evidence_are_kept_in_volumes(services: dict[str, Any]) -> None:
    assert "database:/var/lib/postgresql/data" in services["postgres"]["volumes"]
    for name in ("worker", "worker-deciding", "triggerer"):
        assert "evidence:/opt/airflow/evidence" in services[name]["volumes"]
        assert services[name]["environment"]["AIRFLOW__STAGE_GATE__EVIDENCE"] == "/opt/airflow/evidence"


def test_make_env_writes_every_required_variable_for_its_owner_only(tmp_path: Path) -> None:
    command = ["make", "--no-print-directory", "-f", str(ROOT / "Makefile"), "env"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    written = tmp_path / ".env"
    assert written.stat().st_mode & 0o777 == 0o600
    values = dict(line.split("=", 1) for line in written.read_text().splitlines() if not line.startswith("#"))
    assert values.keys() == REQUIRED
    private, public = read_key(values["STAGE_GATE_SIGNING_KEY"]), read_key(values["STAGE_GATE_TRUSTED_KEYS"])
    assert public_key(private) == public
    generated = {name: value for name, value in values.items() if not name.startswith("CLOUD_MANAGER")}
    assert all(len(value) >= 40 for value in generated.values())
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    assert written.read_text().count("=") >= len(SECRETS)
    assert dict(line.split("=", 1) for line in written.read_text().splitlines() if "#" not in line) == values


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("", {"admin": "s3cret"}),
        ('{"admin": "a", "alice": "quote \\" and $HOME"}', {"admin": "a", "alice": 'quote " and $HOME'}),
    ],
)
def test_who_can_log_in_comes_from_the_environment_and_leaves_it(
    services: dict[str, Any], tmp_path: Path, given: str, written: dict[str, str]
) -> None:
    shell, option, script = services["api-server"]["command"]
    told = tmp_path / "passwords.json"
    environment = {
        "PATH": os.environ["PATH"],
        "AIRFLOW_ADMIN_PASSWORD": "s3cret",
        "AIRFLOW_PASSWORDS": given,
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(told),
    }
    started = script.replace("$$", "$").replace("exec airflow api-server", "exec env")
    left = subprocess.run(
        [shell, option, started], env=environment, capture_output=True, text=True, check=True
    )
    assert json.loads(told.read_text()) == written
    assert told.stat().st_mode & 0o077 == 0
    assert "s3cret" not in left.stdout
    assert "AIRFLOW_PASSWORDS" not in left.stdout
