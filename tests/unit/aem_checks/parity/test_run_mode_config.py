"""K3: which PIDs does stage have a configuration of and production not?"""

from __future__ import annotations

from pathlib import Path

import pytest

from aem_checks.asking import ask_then
from aem_checks.kinds.parity.run_mode_config import RunModeConfig, RunModeConfigSettings
from aem_checks.outcomes import Outcome
from unit.aem_checks.parity.source import NOTHING, judge_source
from unit.aem_checks.small_site import bad, outcome

OSGI = "ui.config/src/main/content/jcr_root/apps/wknd/osgiconfig"
MAIL = "com.example.Mail.cfg.json"
CHECK = RunModeConfig(RunModeConfigSettings())


def subjects(folder: Path, files: dict[str, str], **settings: object) -> list[str]:
    placed = {f"{OSGI}/{name}": text for name, text in files.items()}
    return [finding.subject for finding in bad(judge_source(RunModeConfig, folder, placed, **settings))]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({f"config/{MAIL}": "{}", f"config.prod/{MAIL}": "{}"}, []),
        ({f"config.stage/{MAIL}": "{}", f"config.prod/{MAIL}": "{}"}, []),
        ({f"config.publish.stage/{MAIL}": "{}", f"config.publish.prod/{MAIL}": "{}"}, []),
        ({f"config.stage/{MAIL}": "{}", f"config.publish.prod/{MAIL}": "{}"}, ["com.example.Mail"]),
        ({f"config.stage/{MAIL}": "{}"}, ["com.example.Mail"]),
        ({f"config/{MAIL}": "{}", f"config.publish.stage/{MAIL}": "{}"}, ["com.example.Mail"]),
        ({f"config.stage/{MAIL}": "{}", f"config.dev/{MAIL}": "{}"}, ["com.example.Mail"]),
        (
            {f"config.stage/{MAIL}": '{"host": "a"}', f"config.prod/{MAIL}": "{}"},
            ["com.example.Mail properties"],
        ),
        ({f"config.stage/{MAIL}": "{}", f"config.prod/{MAIL}": "no"}, ["com.example.Mail unreadable"]),
        ({f"config.stage/{MAIL}": '// note\n{"a:Integer": 1}', f"config.prod/{MAIL}": '{"a": 2}'}, []),
    ],
)
def test_the_file_with_the_most_run_modes_wins(
    tmp_path: Path, files: dict[str, str], expected: list[str]
) -> None:
    assert subjects(tmp_path, files) == expected


def test_it_says_what_production_gets_instead(tmp_path: Path) -> None:
    files = {f"{OSGI}/config/{MAIL}": "{}", f"{OSGI}/config.stage/{MAIL}": "{}"}
    judgement = judge_source(RunModeConfig, tmp_path, files)
    assert f"which gets the one of '{OSGI}/config/{MAIL}'" in bad(judgement)[0].sentence
    assert outcome(CHECK, judgement) == "warn failed product"


def test_what_is_allowed_is_not_reported(tmp_path: Path) -> None:
    assert subjects(tmp_path, {f"config.stage/{MAIL}": "{}"}, allow=["com.example.*"]) == []


def test_what_only_production_has_is_named_as_never_tested(tmp_path: Path) -> None:
    judgement = judge_source(RunModeConfig, tmp_path, {f"{OSGI}/config.prod/{MAIL}": "{}"})
    assert [finding.outcome for finding in judgement.findings] == [Outcome.PASSED]
    assert "stage cannot test" in judgement.findings[0].sentence


def test_a_source_without_configurations_is_inconclusive(tmp_path: Path) -> None:
    assert (
        outcome(CHECK, judge_source(RunModeConfig, tmp_path, {"README.md": ""})) == "warn inconclusive check"
    )


def test_without_a_checkout_it_is_inconclusive() -> None:
    judgement = ask_then(CHECK.judge(NOTHING), [])
    assert outcome(CHECK, judgement) == "warn inconclusive check"
    assert "run_mode_config has no source to look at" in judgement.findings[0].sentence
