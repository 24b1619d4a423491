"""Does Airflow list every option that is read, with its help, and no other?"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import airflow
import jsonschema
from airflow.providers_manager import ProvidersManager
from airflow.sdk.configuration import conf

from stage_gate.configuration.options import OPTIONS, SECTION
from stage_gate.provider import get_provider_info

ROOT = Path(__file__).resolve().parents[3]
PLUGINS = ROOT / "plugins"


def _read_options() -> Iterator[str]:
    """What any module asks Airflow's configuration for in this section."""
    for file in (PLUGINS / "stage_gate").rglob("*.py"):
        for call in ast.walk(ast.parse(file.read_text())):
            if isinstance(call, ast.Call) and re.fullmatch(
                r"conf\.get(boolean|int)?", ast.unparse(call.func)
            ):
                section, option = map(ast.unparse, call.args[:2])
                if section in ("SECTION", repr(SECTION)):
                    yield ast.literal_eval(option)


def test_the_options_that_are_read_are_those_that_are_listed() -> None:
    read = set(_read_options())
    assert len(read) > 10
    assert read == {each.name for each in OPTIONS}


def test_what_the_package_tells_is_what_airflow_s_schema_wants() -> None:
    schema = json.loads((Path(airflow.__file__).parent / "provider_info.schema.json").read_text())
    jsonschema.validate(get_provider_info(), schema)


def test_airflow_finds_the_provider_with_both_sections() -> None:
    told = ProvidersManager().providers["aem-stage-gate"].data
    assert set(told["config"]) == {"stage_gate", "adobe_cloud_manager"}


def test_each_option_stands_in_the_docs() -> None:
    told = "".join(page.read_text() for page in (ROOT / "docs").glob("*.md")).lower()
    missing = [each.name for each in OPTIONS if f"__{each.name}`" not in told]
    assert missing == []


def test_a_default_that_airflow_lists_is_the_one_that_holds() -> None:
    from stage_gate.configuration import settings

    assert conf.get(SECTION, "start_every") == "5m"
    assert settings.event_rate() == 50
    assert not settings.webhook_is_on()
    assert not settings.demands().isolation


def test_airflow_s_own_command_shows_the_provider_whole() -> None:
    command = [
        sys.executable,
        "-m",
        "airflow",
        "providers",
        "get",
        "aem-stage-gate",
        "--full",
        "--output",
        "json",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for part in (
        "adobe_cloud_manager.sensors.milestones",
        "connection-types",
        "limits",
        "Adobe Cloud Manager",
    ):
        assert part in done.stdout
