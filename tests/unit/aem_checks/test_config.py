"""Gate files: what they may say about sites and checks, and how a mistake is reported."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest
from pydantic import Field

from aem_checks.asks import Steps
from aem_checks.check import Check, CheckSettings
from aem_checks.config import CheckPlan, ConfigError, load_check_plan, parse_check_plan
from aem_checks.outcomes import Judgement, Severity
from aem_checks.sites import Pattern, Target
from aem_checks.visit import Visit
from aem_checks.yaml_lines import Document, load_extended, load_yaml


class _PageSettings(CheckSettings):
    minimum: int = Field(default=3, ge=1)
    forbidden: tuple[Pattern, ...] = ()


class _QuerySettings(CheckSettings):
    query: str


class _SuiteSettings(CheckSettings):
    name: str
    run: str


class _KeyPages(Check[Any]):
    kind = "key_pages"
    number, title = "A2", "Key pages"
    targets: ClassVar[frozenset[Target]] = frozenset({"stage", "production"})
    settings_type = _PageSettings


class _Leaks(Check[Any]):
    kind = "host_leaks"
    number, title = "A7", "Host leaks"
    severity = Severity.WARN
    after = "cloud_manager_tests"


class _Queries(Check[Any]):
    kind = "persisted_queries"
    number, title = "G2", "Persisted queries"
    default_on = False
    settings_type = _QuerySettings

    def judge(self, visit: Visit) -> Steps[Judgement]:
        raise NotImplementedError


class _Suites(Check[Any]):
    kind = "suites"
    number, title = "2a", "Suites"
    default_on = False
    runs_commands = True
    settings_type = _SuiteSettings


KINDS = {each.kind: each for each in (_KeyPages, _Leaks, _Queries, _Suites)}
SITE = """\
sites:
  - stage: https://publish-p1-e2.adobeaemcloud.com
    production: https://www.wknd.site
    pages: [/, /us/en.html]
"""


def plan_of(folder: Path, text: str) -> CheckPlan:
    file = folder / "gate.yaml"
    file.write_text(text, encoding="utf-8")
    document = load_extended(file)
    with document.locating():
        return parse_check_plan(document.content, KINDS, folder=folder)


def mistake_in(folder: Path, text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        plan_of(folder, text)
    return caught.value


def test_the_smallest_file_runs_every_default_check_on_stage_and_the_usual_ones_on_production(
    tmp_path: Path,
) -> None:
    plan = plan_of(tmp_path, SITE)
    assert [check.key for check in plan.checks] == ["key_pages", "host_leaks", "production.key_pages"]
    assert [check.name for check in plan.on("production")] == ["key_pages"]
    assert plan.sites[0].name == "wknd"
    assert plan.sites[0].requests_per_second == 10
    assert [check.severity for check in plan.on("stage")] == [Severity.BLOCK, Severity.WARN]
    assert plan.checks[1].after == "cloud_manager_tests"


def test_that_a_suite_runs_un_isolated_is_accepted_for_each_and_part_of_its_settings(tmp_path: Path) -> None:
    one, other = "{name: one, run: x}", "{name: other, run: x, isolation: accepted}"
    checks = plan_of(tmp_path, SITE + f"checks:\n  suites: [{one}, {other}]\n").checks
    assert [(each.key, each.accepts_exposure) for each in checks if each.is_code_of_a_team] == [
        ("suites.one", False),
        ("suites.other", True),
    ]
    isolated = plan_of(tmp_path, SITE + f"checks:\n  suites: [{one}, {{name: other, run: x}}]\n").checks
    changed = {
        each.key
        for each, now in zip(checks, isolated, strict=True)
        if each.settings_digest != now.settings_digest
    }
    assert changed == {"suites.other"}


def test_only_the_gate_file_accepts_that_a_teams_code_runs_un_isolated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A module of the team that says so by itself is refused."""

    class Lenient(CheckSettings):
        isolation: Literal["accepted"] | None = "accepted"

    class Own(_Suites):
        kind, settings_type = "own", Lenient

    monkeypatch.setitem(KINDS, "own", Own)
    error = mistake_in(tmp_path, SITE + "checks:\n  own: {}\n")
    assert (error.line, "says of itself" in error.problem) == (6, True)
    (own,) = [each for each in plan_of(tmp_path, SITE + "checks: {own: {isolation: accepted}}\n").checks
              if each.kind == "own"]  # fmt: skip
    assert own.accepts_exposure


def test_two_sites_have_keys_of_their_own(tmp_path: Path) -> None:
    second = "  - {name: wknd-de, stage: 'https://stage.wknd.de', pages: [/de.html]}\n"
    plan = plan_of(tmp_path, SITE + second)
    assert [check.key for check in plan.checks] == [
        "wknd.key_pages",
        "wknd.host_leaks",
        "production.wknd.key_pages",
        "wknd-de.key_pages",
        "wknd-de.host_leaks",
    ]


def test_every_key_is_unique_and_a_valid_airflow_task_id(tmp_path: Path) -> None:
    text = (
        SITE
        + "  - {name: b, stage: 'http://127.0.0.1:8080', pages: [/]}\n"
        + "checks:\n  suites: [{name: cypress, run: x}]\n"
    )
    keys = [check.key for check in plan_of(tmp_path, text).checks]
    assert len(keys) == len(set(keys))
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]{1,250}", key) for key in keys)
    assert "b.suites.cypress" in keys


def test_no_site_is_called_like_cloud_managers_own_results(tmp_path: Path) -> None:
    text = SITE + "  - {name: cloud_manager, stage: 'http://127.0.0.1:8080', pages: [/]}\n"
    assert "'cloud_manager' means something else here" in str(mistake_in(tmp_path, text))


def test_false_switches_a_check_off_and_it_is_remembered(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, SITE + "checks: {host_leaks: false, key_pages: }\n")
    assert [check.key for check in plan.on("stage")] == ["key_pages"]
    assert plan.switched_off == ("host_leaks",)


def test_a_check_that_is_off_by_default_runs_when_it_is_configured(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, SITE + "checks: {persisted_queries: {query: wknd/all}}\n")
    assert plan.checks[2].key == "persisted_queries"
    assert plan.checks[2].create().settings.query == "wknd/all"


def test_the_severity_of_the_file_wins_and_caps_and_a_dry_run_never_blocks(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path,
        SITE + "checks: {key_pages: {severity: warn}, host_leaks: {severity: block, dry_run: true}}\n",
    )
    first, second = plan.on("stage")
    assert (first.severity, first.blocks, first.capped) == (Severity.WARN, False, True)
    assert (second.severity, second.blocks, second.capped) == (Severity.BLOCK, False, True)


def test_the_digest_of_settings_changes_with_every_setting_and_with_nothing_else(tmp_path: Path) -> None:
    def digest(settings: str) -> str:
        return plan_of(tmp_path, SITE + f"checks: {{key_pages: {settings}}}\n").checks[0].settings_digest

    assert digest("{minimum: 3}") == digest("{}") == digest("{within: 600s}")
    assert len({digest("{}"), digest("{minimum: 4}"), digest("{within: 9m}"), digest("{dry_run: true}")}) == 4


def test_production_tests_can_be_chosen_and_dropped(tmp_path: Path) -> None:
    assert plan_of(tmp_path, SITE + "production_tests: []\n").on("production") == ()
    assert len(plan_of(tmp_path, SITE + "production_tests: [key_pages]\n").on("production")) == 1


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (SITE + "checks:\n  key_page: {}\n", 6, ["'key_page'", "Did you mean key_pages?"]),
        (
            SITE + "checks:\n  key_pages:\n    minimun: 2\n",
            7,
            ["'minimun'", "checks.key_pages", "Did you mean minimum?"],
        ),
        (SITE + "checks:\n  key_pages:\n    minimum: many\n", 7, ["'many'", "whole number"]),
        (SITE + "checks:\n  key_pages:\n    minimum: 0\n", 7, ["minimum is 0", "at least 1"]),
        (SITE + "checks:\n  key_pages:\n    within: 5\n", 7, ["not a duration", "15m"]),
        (SITE + "checks:\n  key_pages:\n    severity: fatal\n", 7, ["'fatal'", "'block' or 'warn'"]),
        (
            SITE + "checks:\n  key_pages:\n    forbidden:\n      - ok\n      - (a\n",
            9,
            ["does not compile", "position 0"],
        ),
        (SITE + "checks:\n  persisted_queries: {}\n", 6, ["'query' is missing", "Add 'query:'"]),
        (SITE + "checks:\n  key_pages: 3\n", 6, ["needs settings", "false"]),
        (SITE + "checks: [key_pages]\n", 5, ["maps kinds"]),
        (SITE + "checks:\n  suites: {name: a}\n", 6, ["suites is a list"]),
        (SITE + "checks:\n  key_pages:\n    isolation: accepted\n", 7, ["key_pages runs no code of a team"]),
        (SITE + "checks:\n  suites: [{name: a, run: x, isolation: gladly}]\n", 6, ["isolation", "accepted"]),
        (SITE + "checks:\n  suites:\n    - {name: a b, run: x}\n", 7, ["'a b' cannot be a name"]),
        (SITE + "checks:\n  suites:\n    - {name: a, run: x}\n    - {name: a, run: x}\n", 8, ["same name"]),
        (SITE + "production_tests: [keypages]\n", 5, ["Did you mean key_pages?"]),
        (SITE + "production_tests: [host_leaks]\n", 5, ["cannot run on production", "key_pages"]),
        (SITE + "checks: {key_pages: false}\nproduction_tests: [key_pages]\n", 6, ["not switched on"]),
        ("checks: {}\n", 1, ["at least one site", "- stage: https://"]),
        ("sites:\n  - pages: [/]\n", 2, ["'stage' is missing"]),
        ("sites:\n  - stage: https://a.example\n", 2, ["'pages' is missing"]),
        ("sites:\n  - stage: https://a.example\n    pages: []\n", 3, ["pages is empty"]),
        (
            "sites:\n  - stage: https://a.example\n    pages:\n      - /\n      - https://a.example/x?y\n",
            5,
            ["write", "/x"],
        ),
        ("sites:\n  - stage: https://a.example\n    pages: [us/en]\n", 3, ["Write /us/en"]),
        ("sites:\n  - stage: https://a.example/us\n    pages: [/]\n", 2, ["Write https://a.example and"]),
        ("sites:\n  - stage: ftp://a.example\n    pages: [/]\n", 2, ["not a web address"]),
        ("sites:\n  - stage: https://*.adobeaemcloud.com\n    pages: [/]\n", 2, ["many hosts"]),
        ("sites:\n  - stage: https://${STAGE}\n    pages: [/]\n", 2, ["a placeholder"]),
        (
            "sites:\n  - stage: https://author-p1-e2.adobeaemcloud.com\n    pages: [/]\n",
            2,
            ["an author service", "https://publish-p1-e2.adobeaemcloud.com", "'author:'"],
        ),
        (
            "sites:\n  - stage: https://a.example\n    production: https://A.example\n    pages: [/]\n",
            2,
            ["same host"],
        ),
        (SITE + SITE.removeprefix("sites:\n"), 5, ["two sites", "'name:'"]),
        ("sites:\n  - {name: stage, stage: 'https://a.example', pages: [/]}\n", 2, ["another name"]),
    ],
)
def test_a_mistake_names_its_line_and_what_would_be_right(
    tmp_path: Path, text: str, line: int, words: list[str]
) -> None:
    error = mistake_in(tmp_path, text)
    assert error.line == line, str(error)
    assert error.file == str(tmp_path / "gate.yaml")
    assert all(word.lower() in str(error).lower() for word in words), str(error)
    assert error.remedy


def test_a_password_in_an_address_is_refused_and_not_repeated(tmp_path: Path) -> None:
    error = mistake_in(tmp_path, "sites:\n  - stage: https://me:s3cret@a.example\n    pages: [/]\n")
    assert "Airflow connection" in error.remedy
    assert "s3cret" not in str(error)


@pytest.mark.parametrize(
    ("marker", "words"),
    [
        ("{header: X, meta: y}", ["both"]),
        ("{pattern: 'abc'}", ["no group"]),
        ("{}", ["where the marker is"]),
        ("{meta: build, pattern: '(x'}", ["does not compile"]),
        ("{meta: build, equals: branch}", ["'commit' or 'artifacts_version'"]),
    ],
)
def test_a_build_marker_that_marks_nothing_is_refused(tmp_path: Path, marker: str, words: list[str]) -> None:
    error = mistake_in(tmp_path, SITE + f"    build_marker: {marker}\n")
    assert error.line == 5
    assert all(word in str(error) for word in words), str(error)


def test_a_site_knows_all_its_hosts(tmp_path: Path) -> None:
    stage = "{url: 'https://Stage.wknd.site:443/', origin: 'https://publish-p1-e2.adobeaemcloud.com'}"
    text = f"sites:\n  - stage: {stage}\n    pages: [/]\n"
    site = plan_of(tmp_path, text).sites[0]
    assert site.hosts == {"stage.wknd.site", "publish-p1-e2.adobeaemcloud.com"}
    assert site.endpoint("stage").url == "https://stage.wknd.site"
    with pytest.raises(LookupError, match="no production address"):
        site.endpoint("production")


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\nb:\n  c: 1\n  c: 2\n", 4, "written twice, first on line 3"),
        ("a: &x [1]\nb: [*x, *x]\n", 1, "anchors and aliases"),
        ("a: 1\nb: !!python/object/apply:os.system [ls]\n", 2, "not used here"),
        ("a: !mine 1\n", 1, "not used here"),
        ("a: [1\n", 2, "not valid YAML"),
        ("a: b: c\n", 1, "not valid YAML"),
        ("a: \x07\n", 0, "forbids"),
        ("a: 1\n---\nb: 2\n", 2, "not valid YAML"),
        ("- a\n", 1, "not a mapping"),
        ("", 1, "not a mapping"),
        ("a: {{ var.value.program }}\n", 1, "templates ({{ … }}) are not expanded here"),
        ("a: 1\nb:\n\t- c\n", 3, "a tab stands where YAML wants blanks"),
        ("a: 1\nb:\n  c: 1\n\td: 2\n", 4, "a tab stands where YAML wants blanks"),
        ("a:\n  <<: {b: 1}\n", 2, "merging (<<) is not used here"),
        ("? [a]\n: 1\n", 1, "a name is expected"),
        ("a: " + "[" * 60 + "]" * 60 + "\n", 1, "levels deep"),
        ("a: " + "[" * 100_000, 1, "levels deep"),
        ("- " * 100_000, 1, "levels deep"),
        ("# " + "x" * 300_000 + "\n", 0, "bytes"),
    ],
)
def test_what_is_not_plain_data_is_refused(tmp_path: Path, text: str, line: int, words: str) -> None:
    (tmp_path / "x.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=re.escape(words)) as caught:
        load_yaml(tmp_path / "x.yaml")
    assert caught.value.line == line


def test_a_file_that_is_missing_or_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"a: 1\nb: \xff\n")
    with pytest.raises(ConfigError, match=r"latin.yaml:2: the file is not UTF-8 text"):
        load_yaml(tmp_path / "latin.yaml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_yaml(tmp_path / "none.yaml")


def test_words_that_old_yaml_turns_into_other_things_stay_words(tmp_path: Path) -> None:
    text = "a: no\nb: on\nc: 1:30\nd: 012\ne: 2026-01-01\nf: '12'\n"
    text += "g: 12\nh: 1.5\ni: true\nj: ~\nk: 0x10\nl: -3\n"
    (tmp_path / "x.yaml").write_text(text, encoding="utf-8")
    expected = ["no", "on", "1:30", "012", "2026-01-01", "12", 12, 1.5, True, None, "0x10", -3]
    assert list(load_yaml(tmp_path / "x.yaml").content.values()) == expected


def test_an_extended_file_gives_what_this_one_leaves_out_and_lists_replace(tmp_path: Path) -> None:
    (tmp_path / "_base.yaml").write_text(
        "checks:\n  key_pages: {minimum: 5, within: 1m}\n  host_leaks: false\n", encoding="utf-8"
    )
    plan = plan_of(tmp_path, "extends: _base.yaml\n" + SITE + "checks:\n  key_pages: {minimum: 7}\n")
    settings = plan.checks[0].settings.model_dump()
    assert (settings["minimum"], settings["within"].total_seconds()) == (7, 60)
    assert plan.switched_off == ("host_leaks",)


def test_a_mistake_in_an_extended_file_names_that_file(tmp_path: Path) -> None:
    (tmp_path / "_top.yaml").write_text("checks:\n  key_pages:\n    minimum: 0\n", encoding="utf-8")
    (tmp_path / "_base.yaml").write_text("# nothing\nextends: _top.yaml\n", encoding="utf-8")
    error = mistake_in(tmp_path, "extends: _base.yaml\n" + SITE)
    assert str(error).startswith(f"{tmp_path / '_top.yaml'}:3: checks.key_pages.minimum is 0")


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"a.yaml": "extends: b.yaml\n", "b.yaml": "extends: a.yaml\n"}, "circle"),
        ({"a.yaml": "extends: a.yaml\n"}, "circle"),
        ({"a.yaml": "extends: none.yaml\n"}, "no such file"),
        ({"a.yaml": "extends: ../etc/passwd\n"}, "beside this one"),
        ({"a.yaml": "extends: /etc/passwd\n"}, "beside this one"),
        ({"a.yaml": "extends: [b.yaml]\n"}, "beside this one"),
    ],
)
def test_extends_that_leads_nowhere_is_refused(tmp_path: Path, files: dict[str, str], words: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=words) as caught:
        load_extended(tmp_path / "a.yaml")
    assert caught.value.line == 1


def test_every_value_has_its_place_beside_it_and_what_replaces_another_takes_it_over(tmp_path: Path) -> None:
    base = "a:\n  b: {c: 1}\n  d: [1, {e: 2}]\nf: 3\n"
    (tmp_path / "_base.yaml").write_text(base, encoding="utf-8")
    (tmp_path / "x.yaml").write_text("# x\nextends: _base.yaml\na:\n  d: {g: 4}\n", encoding="utf-8")
    document = load_extended(tmp_path / "x.yaml")
    assert document.content == {"a": {"b": {"c": 1}, "d": {"g": 4}}, "f": 3}
    lines = {path: (Path(place.file).name, place.line) for path, place in document.places.items()}
    assert lines == {
        (): ("x.yaml", 2),
        ("a",): ("x.yaml", 3),
        ("a", "b"): ("_base.yaml", 2),
        ("a", "b", "c"): ("_base.yaml", 2),
        ("a", "d"): ("x.yaml", 4),
        ("a", "d", "g"): ("x.yaml", 4),
        ("f",): ("_base.yaml", 4),
    }
    assert document.place_of(("a", "b", "none", 7)) == (str(tmp_path / "_base.yaml"), 2)
    assert Document("what was pinned", document.content).place_of(("a",)) == ("what was pinned", 0)


def test_the_keys_of_the_release_gate_are_known_here_and_a_typo_is_not(tmp_path: Path) -> None:
    (tmp_path / "g.yaml").write_text("chekcs: {}\n" + SITE, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"g.yaml:1: 'chekcs' is unknown. Did you mean checks\?"):
        load_check_plan(tmp_path / "g.yaml")
