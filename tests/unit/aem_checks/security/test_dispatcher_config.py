"""B6: what does the check say of a dispatcher configuration in git?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from aem_checks.dispatcher.any_files import AnyReader
from aem_checks.dispatcher.patterns import Matcher
from aem_checks.kinds.security._doors import known_doors
from aem_checks.kinds.security._filter_rules import opened_by
from aem_checks.kinds.security.dispatcher_config import DispatcherConfig, DispatcherConfigSettings, judged
from aem_checks.outcomes import Judgement, Outcome, Severity
from unit.aem_checks.parity.source import judge_source
from unit.aem_checks.security.dispatcher_files import (
    CONF,
    DEFAULT,
    DEFAULT_FILTERS,
    FARM,
    FILTERS,
    GOOD,
    GOOD_FILTERS,
    LINKS,
    Files,
)
from unit.aem_checks.small_site import bad, outcome

CHECK = DispatcherConfig(DispatcherConfigSettings())


def judge(folder: Path, files: Files) -> Judgement:
    """Commit the files with their links and run the check on them."""
    for path, target in files.all_links().items():
        link = folder / "git" / path
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target)
    return judge_source(DispatcherConfig, folder, files.all_texts())


def without_git(files: Files, links: Mapping[str, str] | None = None) -> Judgement:
    return judged(files.all_texts(), files.all_links() if links is None else links, Severity.WARN)


def test_a_configuration_as_adobe_advises_passes(tmp_path: Path) -> None:
    judgement = judge(tmp_path, GOOD)
    assert bad(judgement) == []
    assert judgement.examined == 1
    assert outcome(CHECK, judgement) == "warn passed"


@pytest.mark.parametrize(
    ("code", "files", "words"),
    [
        (
            "allow_by_glob",
            GOOD.but(filters=GOOD_FILTERS + '/0009 { /type "allow" /glob "GET /bin/*" }'),
            "allows by /glob 'GET /bin/*'",
        ),
        (
            "first_filter",
            GOOD.edited("default_filters", '/type "deny"  /url "*"', '/type "allow" /url "/a"'),
            "no denial of everything",
        ),
        (
            "selectors",
            GOOD.but(filters='/1 { /type "deny" /url "*" }\n/2 { /type "allow" /url "/content/a.html" }'),
            "denies selectors",
        ),
        (
            "statfileslevel",
            GOOD.edited("farm", '/statfileslevel "2"', '/statfileslevel "0"'),
            "/statfileslevel is '0'",
        ),
        ("grace_period", GOOD.edited("farm", '/gracePeriod "2"', ""), "/gracePeriod is 'not set'"),
        (
            "parameters",
            GOOD.edited("farm", '/glob "*" /type "allow"', '/glob "*" /type "deny"'),
            "ignores only what it lists",
        ),
        (
            "vary",
            GOOD.edited(
                "vhost", "\tAllowEncodedSlashes", "  Header append Vary User-Agent\n\tAllowEncodedSlashes"
            ),
            "sends Vary with User-Agent",
        ),
    ],
)
def test_each_missing_rule_is_a_warning(tmp_path: Path, code: str, files: Files, words: str) -> None:
    judgement = judge(tmp_path, files)
    assert outcome(CHECK, judgement) == "warn failed product"
    assert [words in finding.sentence for finding in bad(judgement) if finding.code == code] == [True]


def test_parts_for_production_alone_are_named() -> None:
    only = "<IfDefine ENVIRONMENT_PROD>\n\tHeader set a b\n\t</IfDefine>\n\tAllowEncodedSlashes"
    judgement = without_git(GOOD.edited("vhost", "AllowEncodedSlashes", only))
    assert bad(judgement) == []
    assert "stage cannot test them" in next(
        f.sentence for f in judgement.findings if f.code == "only_production"
    )


def test_nothing_follows_from_what_only_the_image_has() -> None:
    files = GOOD.but(filters='$include "./default_filters.any"\n', without=(DEFAULT_FILTERS,))
    judgement = without_git(files)
    assert bad(judgement) == []
    said = {finding.code: finding.sentence for finding in judgement.findings}
    assert "default_filters.any" in said["of_the_image"]
    assert f"For {len(known_doors())} of {len(known_doors())} paths" in said["undecided"]


def test_a_source_without_a_farm_is_inconclusive(tmp_path: Path) -> None:
    judgement = judge_source(DispatcherConfig, tmp_path, {"README.md": ""})
    assert outcome(CHECK, judgement) == "warn inconclusive check"


def test_a_farm_that_is_only_available_is_not_judged() -> None:
    open_farm = '/old { /filter { /0 { /type "allow" /glob "*" } } /cache { /statfileslevel "0" } }'
    judgement = without_git(GOOD.with_files({f"{CONF}/available_farms/old.farm": open_farm}))
    assert bad(judgement) == []
    assert "not enabled, so they were not judged" in next(
        f.sentence for f in judgement.findings if f.code == "not_enabled"
    )


def test_nothing_enabled_is_inconclusive_and_says_what_to_do() -> None:
    judgement = without_git(GOOD, {})
    [finding] = bad(judgement)
    assert outcome(CHECK, judgement) == "warn inconclusive check"
    assert "To do: link the farm there" in finding.sentence


@pytest.mark.parametrize(
    ("line", "is_told"),
    [
        ("Header append Vary User-Agent", True),
        ("Header always merge Vary: user-agent", True),
        ('Header set Vary "Accept-Encoding, User-Agent" env=x', True),
        ('Header edit Vary "^$" "User-Agent"', True),
        ("Header unset Vary", False),
        ('Header edit Vary "User-Agent,? *" ""', False),
        ('Header edit* Vary "(?i)user-agent" ""', False),
        ("Header append Vary Accept-Encoding", False),
        ("RequestHeader set Vary User-Agent", False),
        ("# Header append Vary User-Agent", False),
        ("Header append Vary User-Agent\nHeader unset Vary", False),
        ("Header append Vary User-Agent\n<IfDefine X>\nHeader unset Vary\n</IfDefine>", True),
        ("Header unset Vary\nHeader append Vary User-Agent", True),
    ],
)
def test_vary_is_told_where_it_names_user_agent_and_not_where_it_loses_it(line: str, is_told: bool) -> None:
    judgement = without_git(GOOD.edited("vhost", "\tAllowEncodedSlashes", f"{line}\n\tAllowEncodedSlashes"))
    assert [finding.code for finding in bad(judgement)] == (["vary"] if is_told else [])


def opened(filters: str) -> dict[str, set[str]]:
    """The doors that filters let through, by the rule that does."""
    section = AnyReader({FILTERS: filters}).read(FILTERS)
    found = opened_by(section, known_doors(), Matcher())
    told = {rule.name: {door.name for door in doors} for rule, doors in found.by_rule.items()}
    return {**told, "to publish": set(found.left_to_publish)}


def test_each_path_that_has_to_be_closed_is_asked() -> None:
    names = {door.name for door in known_doors()}
    assert opened('/0 { /type "allow" /url "*" }') == {"0": names, "to publish": set()}
    assert opened('/0 { /type "deny" /url "*" }') == {"to publish": set()}
    assert len(names) >= 51


def test_a_rule_that_opens_a_console_is_told_with_what_it_opens() -> None:
    told = opened('/0 { /type "deny" /url "*" }\n/console { /type "allow" /url "/system/console*" }')
    assert told == {"console": {"/system/console", "/system/console/bundles.json"}, "to publish": set()}


def test_adobes_own_filters_leave_paths_to_publish_that_end_like_files_of_a_design() -> None:
    told = opened(DEFAULT.texts[DEFAULT_FILTERS].replace("/0036", "#").replace("/0051", "#"))
    assert told == {
        "to publish": {
            "/bin/querybuilder.json.css?path=/content&p.limit=1",
            "/bin/querybuilder.json;%0aa.css?path=/content&p.limit=1",
            "/content.json;%0aa.css",
        }
    }


def test_a_console_that_is_opened_in_adobe_s_own_file_is_told() -> None:
    off, on = '# /002 { /type "allow" /url "/crx/*"    }', '/002 { /type "allow" /url "/crx/*" }'
    [finding] = bad(without_git(GOOD.edited("default_filters", off, on)))
    assert finding.code == "opens"
    assert "lets through 2 paths" in finding.sentence


def test_one_rule_that_opens_much_is_one_finding_and_the_gravest_door_weighs() -> None:
    files = GOOD.but(filters=GOOD_FILTERS + '/2000 { /type "allow" /url "/libs/*" }\n')
    [finding] = bad(without_git(files))
    assert finding.severity is None
    assert finding.subject.startswith(f"dispatcher/src/{FILTERS} filter 2000 opens /libs/")
    assert f"{FILTERS}:7" in finding.sentence


@pytest.mark.parametrize(
    "text",
    ["{" * 100_000, "}" * 100_000, '/a { $include "default.farm" }', '"' * 5001, '/a "\\', "/a /b /c {"],
    ids=["opens", "closes", "itself", "quotes", "escape", "names"],
)
def test_garbage_is_inconclusive(text: str) -> None:
    judgement = without_git(GOOD.but(farm=text))
    assert outcome(CHECK, judgement).startswith("warn inconclusive")
    assert [f"{FARM}:1" in finding.sentence for finding in bad(judgement)] == [True]


@pytest.mark.parametrize(
    "filler", ["x " * 200_001, '$include "none.any" ' * 2_001], ids=["words", "includes"]
)
def test_farms_that_are_not_read_to_their_end_prove_nothing(filler: str) -> None:
    first = {f"{CONF}/enabled_farms/000.farm": f"/first {{ {filler} }}"}
    judgement = without_git(GOOD.with_files(first))
    assert "too long to be read to their end" in " ".join(each.sentence for each in bad(judgement))
    assert judgement.weigh(Severity.BLOCK)[1] is not Outcome.PASSED


def test_patterns_that_take_too_long_prove_nothing() -> None:
    slow = "".join(f"/{n} {{ /type \"allow\" /url '{'(a|b|/|.)*' * 20}{n}' }}\n" for n in range(600))
    judgement = without_git(GOOD.but(filters=slow))
    assert "too_long" in {each.code for each in bad(judgement)}


def test_links_of_a_commit_are_read_from_git(tmp_path: Path) -> None:
    broken = GOOD.with_links({f"{CONF}/enabled_farms/gone.farm": "../available_farms/gone.farm"})
    [finding] = bad(judge(tmp_path, broken))
    assert finding.code == "broken_link"
    assert "is a link to ../available_farms/gone.farm" in finding.sentence
    assert set(LINKS) < set(broken.links)
