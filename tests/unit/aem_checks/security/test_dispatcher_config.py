"""B6: which rules of a dispatcher configuration are missing in git?"""

from __future__ import annotations

from pathlib import Path

import pytest

from aem_checks.kinds.security._any_files import AnyReader
from aem_checks.kinds.security.dispatcher_config import DispatcherConfig, DispatcherConfigSettings
from aem_checks.outcomes import Outcome
from unit.aem_checks.parity.source import judge_source
from unit.aem_checks.small_site import bad, outcome

ROOT = "dispatcher/src/conf.dispatcher.d"
FARM = f"{ROOT}/available_farms/wknd.farm"
FILTERS = f"{ROOT}/filters/filters.any"
VHOST = "dispatcher/src/conf.d/available_vhosts/wknd.vhost"
CHECK = DispatcherConfig(DispatcherConfigSettings())
GOOD_FILTERS = """
/0001 { /type "deny" /url "*" }
/0002 { /type "allow" /extension '(css|js)' /path "/content/*" } # static files
/0003 { /type "deny" /selectors '(infinity|tidy)' }
"""
GOOD_FARM = """
/wkndfarm {
  /virtualhosts { $include "../virtualhosts/virtualhosts.any" }
  /filter { $include "../filters/filters.any" }
  /cache {
    /docroot "${DOCROOT}"
    /statfileslevel "2"
    /gracePeriod "2"
    /ignoreUrlParams { /0001 { /glob "*" /type "allow" } /0002 { /glob "q" /type "deny" } }
  }
}
"""
HOSTS = f"{ROOT}/virtualhosts/virtualhosts.any"


def files(**changed: str) -> dict[str, str]:
    names = {"farm": FARM, "filters": FILTERS, "vhost": VHOST}
    good = {FARM: GOOD_FARM, FILTERS: GOOD_FILTERS, VHOST: "ServerName wknd\n", HOSTS: '"*"\n'}
    return {**good, **{names[name]: text for name, text in changed.items()}}


def test_a_configuration_as_adobe_advises_passes(tmp_path: Path) -> None:
    judgement = judge_source(DispatcherConfig, tmp_path, files())
    assert judgement.findings == ()
    assert outcome(CHECK, judgement) == "warn passed"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (
            {"filters": GOOD_FILTERS + '/0009 { /type "allow" /glob "GET /bin/*" }'},
            "allows by /glob 'GET /bin/*'",
        ),
        (
            {"filters": GOOD_FILTERS.replace('/type "deny" /url "*"', '/type "allow" /url "/a"')},
            "no denial of everything",
        ),
        ({"filters": GOOD_FILTERS.replace("/0003", "#/0003")}, "denies selectors"),
        ({"farm": GOOD_FARM.replace('/statfileslevel "2"', '/statfileslevel "0"')}, "/statfileslevel is '0'"),
        ({"farm": GOOD_FARM.replace('/gracePeriod "2"', "")}, "/gracePeriod is 'not set'"),
        (
            {"farm": GOOD_FARM.replace('/glob "*" /type "allow"', '/glob "*" /type "deny"')},
            "ignores only what it lists",
        ),
        ({"vhost": "  Header append Vary User-Agent\n"}, "sends Vary with User-Agent"),
    ],
)
def test_each_missing_rule_is_a_warning(tmp_path: Path, changed: dict[str, str], words: str) -> None:
    judgement = judge_source(DispatcherConfig, tmp_path, files(**changed))
    assert outcome(CHECK, judgement) == "warn failed product"
    assert [words in finding.sentence for finding in bad(judgement)] == [True]


def test_parts_for_production_alone_are_named(tmp_path: Path) -> None:
    vhost = "<IfDefine ENVIRONMENT_PROD>\nHeader set a b\n</IfDefine>\n"
    judgement = judge_source(DispatcherConfig, tmp_path, files(vhost=vhost))
    assert [finding.outcome for finding in judgement.findings] == [Outcome.PASSED]
    assert "stage cannot test them" in judgement.findings[0].sentence


def test_nothing_follows_from_what_only_the_image_has(tmp_path: Path) -> None:
    farm = GOOD_FARM.replace("filters.any", "default_filters.any")
    judgement = judge_source(DispatcherConfig, tmp_path, files(farm=farm))
    assert bad(judgement) == []
    assert "default_filters.any" in judgement.findings[0].sentence


def test_a_source_without_a_farm_is_inconclusive(tmp_path: Path) -> None:
    judgement = judge_source(DispatcherConfig, tmp_path, {"README.md": ""})
    assert outcome(CHECK, judgement) == "warn inconclusive check"


@pytest.mark.parametrize(
    "text",
    ["{" * 100_000, "}" * 100_000, '/a { $include "wknd.farm" }', '"' * 5000, '/a "\\', "/a /b /c {"],
    ids=["opens", "closes", "itself", "quotes", "escape", "names"],
)
def test_garbage_crashes_nothing(text: str) -> None:
    assert AnyReader({FARM: text}).read(FARM).name == ""


def test_includes_with_patterns_and_variables_are_read() -> None:
    texts = {
        FARM: '/f { $include "../filters/*.any" /docroot ${DOCROOT}/x }',
        FILTERS: "/0001 { /type deny }",
    }
    farm = AnyReader(texts).read(FARM).blocks[0]
    assert [block.values for block in farm.blocks] == [{"type": "deny"}]
    assert farm.values == {"docroot": "${DOCROOT}/x"}


@pytest.mark.parametrize(
    "filler", ["x " * 200_001, '$include "none.any" ' * 2_001], ids=["words", "includes"]
)
def test_farms_that_are_not_read_to_their_end_prove_nothing(tmp_path: Path, filler: str) -> None:
    first = f"{ROOT}/available_farms/000.farm"
    open_filters = '/0001 { /type "allow" /glob "*" }'
    judgement = judge_source(DispatcherConfig, tmp_path, {first: filler, **files(filters=open_filters)})
    assert outcome(CHECK, judgement).startswith("warn inconclusive")
    assert "too long to be read to their end" in " ".join(each.sentence for each in bad(judgement))
