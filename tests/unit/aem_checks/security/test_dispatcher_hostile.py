"""B6: does any configuration, however hostile, crash the check or pass it where it can't be read?"""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aem_checks.kinds.security.dispatcher_config import DispatcherConfig, judged
from aem_checks.outcomes import Finding, Judgement, Outcome, Severity
from unit.aem_checks.security.dispatcher_files import (
    APACHE,
    CONF,
    DEFAULT_FILTERS,
    FARM,
    FILTERS,
    GOOD,
    LINKS,
    VARIABLES,
    VHOST,
)

WORDS = st.sampled_from(
    [
        *"{}\"'#\\\n\0\t",
        "/filter {",
        "/cache {",
        "/farms {",
        '/0001 { /type "deny" /url "*" }',
        '/2 { /type "allow" /url "',
        '/3 { /type "allow" /url \'',
        '/glob "*"',
        '$include "',
        '$include "./filters.any"\n',
        '$include "../*/*"\n',
        '"../filters/filters.any"',
        "${DOCROOT}",
        "${",
        "/statfileslevel",
        '"2"',
        "'((a+)+|[0-9-]*)*'",
        "'(?!x)'",
        "'[a'",
        "<VirtualHost *:80>\n",
        "</VirtualHost>\n",
        "<IfDefine ENVIRONMENT_PROD>\n",
        "Include conf.d/*/*\n",
        "Header append Vary User-Agent\n",
        "Define A ${A}${A}\n",
        "Require all granted\n",
        "\ufffd\ufffd",
        "ü\u202e\U0001f600",
    ]
)
HOSTILE = st.one_of(
    st.lists(WORDS, max_size=40).map("".join),
    st.text(max_size=200),
    st.binary(max_size=200).map(lambda body: body.decode("utf-8", "replace")),
    st.tuples(WORDS, st.integers(1, 3000)).map(lambda two: two[0] * two[1]),
)
PLACES = st.sampled_from(
    [FARM, FILTERS, DEFAULT_FILTERS, VHOST, VARIABLES, f"{CONF}/enabled_farms/x.farm", f"{APACHE}/x.conf"]
)
TARGETS = st.sampled_from(
    [
        "",
        ".",
        "..",
        "/",
        "../enabled_farms",
        "default.farm",
        "../../..",
        "/etc/passwd",
        "\0",
        "../available_farms/default.farm",
    ]
)
NAMES = st.sampled_from(
    [
        *LINKS,
        f"{CONF}/enabled_farms",
        f"{CONF}/enabled_farms/y.farm",
        f"{CONF}/available_farms",
        f"{APACHE}/enabled_vhosts",
    ]
)


def is_said_well(finding: Finding) -> bool:
    return finding.code in DispatcherConfig.codes or finding.code == "more"


def judge(texts: dict[str, str], links: dict[str, str]) -> Judgement:
    files = GOOD.with_files(texts).with_links(links)
    judgement = judged(files.all_texts(), files.all_links(), Severity.BLOCK)
    assert all(is_said_well(each) and each.sentence and each.subject for each in judgement.findings)
    return judgement


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(PLACES, HOSTILE, min_size=1, max_size=3), st.dictionaries(NAMES, TARGETS, max_size=2))
def test_no_configuration_crashes_the_check(texts: dict[str, str], links: dict[str, str]) -> None:
    judge(texts, links)


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, len(GOOD.texts[FARM].rstrip()) - 1))
def test_a_farm_that_is_broken_off_anywhere_is_never_passed(length: int) -> None:
    judgement = judge({FARM: GOOD.texts[FARM][:length]}, {})
    assert judgement.weigh(Severity.BLOCK)[1] is not Outcome.PASSED


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, len(GOOD.texts[FARM]) - 1), st.sampled_from(["{", "}", "\0"]))
def test_a_brace_or_a_nul_byte_too_many_is_inconclusive_with_file_and_line(at: int, char: str) -> None:
    text = GOOD.texts[FARM][:at] + char + GOOD.texts[FARM][at:]
    found = [each for each in judge({FARM: text}, {}).findings if each.code == "unreadable"]
    before = text[:at].rpartition("\n")[2]
    is_quoted = "#" in before or before.count('"') % 2 == 1
    assert found or (is_quoted and char != "\0")
    assert all(each.outcome is Outcome.INCONCLUSIVE and f"{FARM}:" in each.sentence for each in found)
