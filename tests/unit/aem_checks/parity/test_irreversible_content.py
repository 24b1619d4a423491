"""K5: what does a release change that going back would not change back?"""

from __future__ import annotations

from pathlib import Path

import pytest

from aem_checks.kinds.parity.irreversible_content import IrreversibleContent, IrreversibleContentSettings
from aem_checks.outcomes import Outcome
from unit.aem_checks.parity.source import judge_source
from unit.aem_checks.small_site import bad, outcome

FILTER = "ui.content/src/main/content/META-INF/vault/filter.xml"
INDEX = "ui.apps/src/main/content/jcr_root/_oak_index/lucene-custom-1/.content.xml"
MODEL = "ui.content/src/main/content/jcr_root/conf/wknd/settings/dam/cfm/models/article/.content.xml"
MAIL = "ui.config/src/main/content/jcr_root/apps/wknd/osgiconfig/config/com.example.Mail.cfg.json"
CHECK = IrreversibleContent(IrreversibleContentSettings())


def roots(*lines: str) -> dict[str, str]:
    return {FILTER: f'<?xml version="1.0"?><workspaceFilter version="1.0">{"".join(lines)}</workspaceFilter>'}


def model(*fields: str) -> str:
    items = "".join(f'<item fieldLabel="{name}" name="{name}" valueType="string"/>' for name in fields)
    return f"<root><content><items>{items}</items></content></root>"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('<filter root="/content/wknd"/>', "block failed product"),
        ('<filter root="/content/wknd/us/en" mode="replace"/>', "block failed product"),
        ('<filter root="/content/wknd" mode="merge"/>', "warn passed"),
        ('<filter root="/content/wknd" mode="update"/>', "warn passed"),
        (
            '<filter root="/content/wknd"><include pattern="/content/wknd/tmp"/></filter>',
            "warn failed product",
        ),
        ('<filter root="/content/dam/wknd"/>', "warn failed product"),
        ('<filter root="/content/experience-fragments/wknd"/>', "warn failed product"),
        ('<filter root="/conf/wknd/settings"/>', "warn failed product"),
        ('<filter root="/apps/wknd"/>', "warn passed"),
    ],
)
def test_what_a_package_replaces_is_weighed_by_where_it_is(tmp_path: Path, line: str, expected: str) -> None:
    assert outcome(CHECK, judge_source(IrreversibleContent, tmp_path, roots(line))) == expected


def test_what_is_allowed_is_not_reported(tmp_path: Path) -> None:
    files = roots('<filter root="/content/wknd"/>')
    assert bad(judge_source(IrreversibleContent, tmp_path, files, allow=["/content/wknd*"])) == []


def test_a_package_that_the_container_does_not_embed_is_not_installed(tmp_path: Path) -> None:
    own = "<project><parent><artifactId>wknd</artifactId></parent><artifactId>wknd.ui.content.sample</artifactId></project>"
    files = {
        **roots('<filter root="/content/wknd"/>'),
        "ui.content/pom.xml": own,
        "all/pom.xml": "<project><embedded><artifactId>wknd.ui.apps</artifactId></embedded></project>",
    }
    assert bad(judge_source(IrreversibleContent, tmp_path / "a", files)) == []
    files["all/pom.xml"] = files["all/pom.xml"].replace("wknd.ui.apps", "wknd.ui.content.sample")
    assert len(bad(judge_source(IrreversibleContent, tmp_path / "b", files))) == 1


def test_the_first_release_has_nothing_to_be_compared_with(tmp_path: Path) -> None:
    judgement = judge_source(IrreversibleContent, tmp_path, {INDEX: "<index/>"})
    assert [finding.outcome for finding in judgement.findings] == [Outcome.PASSED]
    assert "nothing to be compared with yet" in judgement.findings[0].sentence


@pytest.mark.parametrize(
    ("before", "now", "words"),
    [
        ({INDEX: "<index a='1'/>"}, {INDEX: "<index a='2'/>"}, "call it 'lucene-custom-2'"),
        ({MODEL: model("title", "price")}, {MODEL: model("title")}, "'article' loses 'price'"),
        ({MODEL: model("title")}, {"README.md": ""}, "The whole Content Fragment Model 'article'"),
    ],
)
def test_what_changed_since_the_last_verified_release_is_named(
    tmp_path: Path, before: dict[str, str], now: dict[str, str], words: str
) -> None:
    judge_source(IrreversibleContent, tmp_path / "before", before)
    judgement = judge_source(IrreversibleContent, tmp_path / "now", now, baseline=tmp_path / "before")
    assert words in bad(judgement)[0].sentence
    again = judge_source(IrreversibleContent, tmp_path / "same", before, baseline=tmp_path / "before")
    assert bad(again) == []


def test_a_new_index_name_is_as_it_should_be(tmp_path: Path) -> None:
    judge_source(IrreversibleContent, tmp_path / "before", {INDEX: "<index a='1'/>"})
    now = {INDEX.replace("custom-1", "custom-2"): "<index a='2'/>"}
    assert bad(judge_source(IrreversibleContent, tmp_path / "now", now, baseline=tmp_path / "before")) == []


def test_variables_that_the_last_release_needs_are_named(tmp_path: Path) -> None:
    judge_source(IrreversibleContent, tmp_path / "before", {MAIL: '{"a": "$[env:MAIL_HOST]"}'})
    judgement = judge_source(
        IrreversibleContent, tmp_path / "now", {MAIL: "{}"}, baseline=tmp_path / "before"
    )
    assert "'MAIL_HOST'" in judgement.findings[0].sentence
    assert judgement.findings[0].outcome is Outcome.PASSED


BOMB = '<!DOCTYPE a [<!ENTITY b "x"><!ENTITY c "&b;&b;&b;&b;">]><workspaceFilter>&c;</workspaceFilter>'


@pytest.mark.parametrize("text", ["<broken", BOMB, ""])
def test_a_filter_that_cannot_be_read_is_named(tmp_path: Path, text: str) -> None:
    judgement = judge_source(IrreversibleContent, tmp_path, {FILTER: text})
    assert "is no XML that can be read" in bad(judgement)[0].sentence


SOURCE = roots('<filter root="/content/wknd" mode="merge"/>')
DAY = "2026-11-20 06:00 UTC"


def copy(number: str, **changes: object) -> dict[str, object]:
    told: dict[str, object] = {
        "id": number,
        "content_set": "wknd-content",
        "source": "222",
        "status": "COMPLETED",
    }
    return {**told, "is_over": True, "begun": DAY, "ended": DAY, **changes}


def copies(*production: dict[str, object], stage: tuple[dict[str, object], ...] = ()) -> dict[str, object]:
    return {"content_copies": {"production": list(production), "stage": list(stage)}}


GOES_ON = copy("9", status="IN_PROGRESS", is_over=False, ended="")


def test_a_content_copy_onto_production_since_the_last_verified_release_is_named(tmp_path: Path) -> None:
    judge_source(IrreversibleContent, tmp_path / "before", SOURCE, facts=copies(copy("7"), GOES_ON))
    now = copies(copy("7"), copy("8"), copy("9"))
    judgement = judge_source(
        IrreversibleContent, tmp_path / "now", SOURCE, facts=now, baseline=tmp_path / "before"
    )
    assert [f.subject for f in bad(judgement)] == [f"content copy {n} onto production" for n in ("8", "9")]
    assert (
        "('wknd-content' from environment 222, begun 2026-11-20 06:00 UTC, COMPLETED"
        in bad(judgement)[0].sentence
    )
    assert outcome(CHECK, judgement) == "warn failed product"


@pytest.mark.parametrize("pattern", ["wknd-content", "wknd-*"])
def test_a_content_copy_that_is_meant_is_not_told(tmp_path: Path, pattern: str) -> None:
    judge_source(IrreversibleContent, tmp_path / "before", SOURCE, facts=copies())
    now = copies(copy("8"), copy("9", content_set=""))
    told = {"facts": now, "baseline": tmp_path / "before", "allow_copies": [pattern]}
    judgement = judge_source(IrreversibleContent, tmp_path / "now", SOURCE, **told)
    assert [f.subject for f in bad(judgement)] == ["content copy 9 onto production"]


@pytest.mark.parametrize("status", ["IN_PROGRESS", "", "BREWING"])
def test_a_content_copy_of_which_nobody_knows_that_it_is_over_is_told_at_once(
    tmp_path: Path, status: str
) -> None:
    onto_production = copies({**GOES_ON, "status": status})
    judgement = judge_source(IrreversibleContent, tmp_path / "a", SOURCE, facts=onto_production)
    assert [(f.code, f.outcome) for f in bad(judgement)] == [("copying", Outcome.FAILED)]
    onto_stage = copies(stage=({**GOES_ON, "status": status},))
    judgement = judge_source(IrreversibleContent, tmp_path / "b", SOURCE, facts=onto_stage)
    assert [(f.code, f.outcome) for f in bad(judgement)] == [("copying", Outcome.INCONCLUSIVE)]


@pytest.mark.parametrize("before", [None, {}, copies(), {"content_copies": {}}])
def test_without_anything_to_compare_with_copies_that_are_over_are_counted(
    tmp_path: Path, before: object
) -> None:
    """No release before, one of a version that read no copies, one that had none, one that could not read them."""
    if before is not None:
        judge_source(IrreversibleContent, tmp_path / "before", SOURCE, facts=before)
    folder = tmp_path / "before" if before is not None else None
    judgement = judge_source(
        IrreversibleContent, tmp_path / "now", SOURCE, facts=copies(copy("7")), baseline=folder
    )
    if before == copies():
        assert [f.code for f in bad(judgement)] == ["copied"]
    else:
        assert bad(judgement) == []
        assert "1 content copy onto production is on record." in judgement.findings[0].sentence


@pytest.mark.parametrize(
    ("fact", "where"),
    [
        ({}, "production and stage"),
        ({"stage": []}, "onto production,"),
        ({"production": []}, "onto stage,"),
        ({"production": [{"id": "1"}], "stage": []}, "onto production,"),
        ("none", "production and stage"),
    ],
)
def test_copies_that_cloud_manager_does_not_tell_of_are_inconclusive(
    tmp_path: Path, fact: object, where: str
) -> None:
    judgement = judge_source(IrreversibleContent, tmp_path, SOURCE, facts={"content_copies": fact})
    assert outcome(CHECK, judgement) == "warn inconclusive cloud manager"
    assert where in bad(judgement)[0].sentence


def test_the_newest_copy_that_stages_content_came_from_is_noted(tmp_path: Path) -> None:
    older = copy("7", ended="2026-10-01 06:00 UTC")
    judgement = judge_source(IrreversibleContent, tmp_path, SOURCE, facts=copies(stage=(copy("8"), older)))
    noted = [f for f in judgement.findings if f.code == "stage_content"]
    assert [(f.subject, f.outcome) for f in noted] == [("content copy 8 onto stage", Outcome.PASSED)]


def test_where_nobody_asked_cloud_manager_nothing_is_said_of_copies(tmp_path: Path) -> None:
    judgement = judge_source(IrreversibleContent, tmp_path, SOURCE)
    assert not any("cop" in finding.code for finding in judgement.findings)
