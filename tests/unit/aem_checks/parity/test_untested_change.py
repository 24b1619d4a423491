"""K7 on small pages: which change is on no page, and what is said where nobody can tell?"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from aem_checks.asking import lead
from aem_checks.asks import Changed, Fact
from aem_checks.baseline import Baseline
from aem_checks.changes.telling import as_json
from aem_checks.changes.values import FOR_AUTHORS, GONE, Change, ChangeMap, Kind
from aem_checks.checkout import Checkout
from aem_checks.kinds.parity.untested_change import KEPT, UntestedChange, UntestedChangeSettings
from aem_checks.outcomes import Finding, Outcome
from aem_checks.recording import Page, Recording
from aem_checks.response import Response, make_headers
from aem_checks.sites import Endpoint, SiteConfig
from aem_checks.visit import Visit
from unit.aem_checks.changes.aem_project import APPS, FILES
from unit.aem_checks.git_repository import commit
from unit.aem_checks.test_checkout import visit as means_of

BASE, HEAD = "a" * 40, "b" * 40
STAGE = "https://stage.wknd.site"
PAGE = '<meta name="template" content="article"><div class="cmp-teaser cmp-teaser--big"></div>'


def change(name: str, kind: Kind = Kind.COMPONENT, *components: str, **more: Any) -> Change:
    return Change("some/file.html", kind, name, components or (name,), **more)


def judged(
    folder: Path, found: ChangeMap, body: str = PAGE, kept: bytes | None = b"", **settings: Any
) -> list[Finding]:
    """``kept``: what the last release left; empty for a commit, ``None`` for no release."""
    url = f"{STAGE}/us/en.html"
    answer = Response(url, 200, make_headers({"Content-Type": "text/html"}), body.encode())
    pages = (Page("/us/en.html", url, (answer,)),)
    recording = Recording("wknd", "stage", STAGE, frozenset({"stage.wknd.site"}), frozenset(), pages)
    (folder / KEPT).parent.mkdir(parents=True)
    (folder / KEPT).write_bytes(kept or as_json(ChangeMap("", BASE)).encode())
    visit = Visit(
        site=SiteConfig(name="wknd", stage=Endpoint(url=STAGE), pages=("/us/en.html",)),
        target="stage",
        recording=recording,
        baseline=None if kept is None else Baseline("execution 1", folder, recording),
    )
    check = UntestedChange(UntestedChangeSettings(checkout=Checkout(folder="/srv/wknd"), **settings))
    told = {Fact("commit_id"): HEAD, Changed(BASE): found}
    findings = lead(check.judge(visit), told.__getitem__, visit.reader()).findings
    assert json.loads(visit.kept[KEPT])["head"] == HEAD, "what the next release is compared with"
    return list(findings)


def changes(*found: Change, **more: Any) -> ChangeMap:
    return ChangeMap(BASE, HEAD, files=len(found), changes=found, **more)


@pytest.mark.parametrize(
    ("found", "untested"),
    [
        (change("wknd/components/teaser"), ""),
        (change("wknd/components/byline"), "component wknd/components/byline"),
        (change("wknd/components/base", Kind.COMPONENT, "wknd/components/base", "wknd/components/teaser"), ""),
        (change("wknd/components/byline/policy_1", Kind.POLICY, "wknd/components/byline"), "component wknd/components/byline"),
        (change("wknd.byline", Kind.CLIENT_LIBRARY, "wknd/components/byline"), "component wknd/components/byline"),
        (change("article", Kind.TEMPLATE), ""),
        (change("Landing", Kind.TEMPLATE), "template Landing"),
        (change("wknd/components/byline", note=FOR_AUTHORS), ""),
        (change("wknd/components/byline", note=GONE), ""),
        (change("wknd/components/byline", everything="it is on every page"), ""),
        (Change("README.md", Kind.OTHER), ""),
    ],
)  # fmt: skip
def test_what_changed_and_is_on_no_page_is_named(tmp_path: Path, found: Change, untested: str) -> None:
    findings = judged(tmp_path, changes(found))
    assert [each.subject for each in findings if each.code == "untested"] == ([untested] if untested else [])
    assert [each.outcome for each in findings if each.code == "changes"] == [Outcome.PASSED]


def test_what_is_allowed_is_not_looked_for(tmp_path: Path) -> None:
    found = changes(change("wknd/components/account/login"), change("wknd/components/byline"))
    findings = judged(tmp_path, found, allow=("wknd/components/account/*",))
    assert [each.subject for each in findings if each.code == "untested"] == [
        "component wknd/components/byline"
    ]


def test_pages_that_name_no_component_are_no_proof(tmp_path: Path) -> None:
    findings = judged(tmp_path, changes(change("wknd/components/byline")), body="<p>Text</p>")
    assert ("unnamed", Outcome.INCONCLUSIVE) in [(each.code, each.outcome) for each in findings]
    assert "untested" not in {each.code for each in findings}


def test_a_change_that_nobody_can_tell_is_inconclusive(tmp_path: Path) -> None:
    [finding] = judged(tmp_path, ChangeMap(BASE, HEAD, problem="What changed is not known."))
    assert (finding.code, finding.outcome) == ("unknown", Outcome.INCONCLUSIVE)


@pytest.mark.parametrize(
    "kept", [None, b"[]", b"{", b'{"format": 1, "head": 3}', b'{"format": 99, "head": "a"}']
)
def test_without_a_release_that_kept_its_commit_nothing_is_compared(
    tmp_path: Path, kept: bytes | None
) -> None:
    [finding] = judged(tmp_path, changes(), kept=kept)
    assert (finding.code, finding.outcome) == ("nothing_to_compare", Outcome.PASSED)


def test_the_note_tells_the_whole_and_why_every_page_counts(tmp_path: Path) -> None:
    found = changes(change("x", everything="the page component x changed"), notes=("A note.",))
    [note] = judged(tmp_path, found)
    assert note.sentence == (
        "1 file, with no commit of its own: 1 component. Every page counts as changed: the page component x changed. A note."
    )


def test_without_a_checkout_it_says_so() -> None:
    visit = Visit(site=SiteConfig(name="wknd", stage=Endpoint(url=STAGE), pages=("/",)), target="stage")
    [finding] = lead(UntestedChange(UntestedChangeSettings()).judge(visit), {}.__getitem__).findings
    assert finding.code == "not_configured"


@pytest.mark.parametrize("way", ["folder", "repository"])
def test_the_house_reads_the_change_from_a_clone_or_an_address(tmp_path: Path, way: str) -> None:
    from contextlib import AsyncExitStack

    from aem_checks.house import ReleaseSource

    base = commit(tmp_path / "origin", FILES)
    head = commit(tmp_path / "origin", {f"{APPS}/components/teaser/teaser.html": "<p/>"})
    where = (
        {"folder": str(tmp_path / "origin")}
        if way == "folder"
        else {"repository": f"file://{tmp_path}/origin"}
    )

    async def read(since: str) -> ChangeMap:
        async with AsyncExitStack() as stack:
            return await ReleaseSource(Checkout(**where), means_of(head), stack).changed(since)

    found = asyncio.run(read(base))
    assert (found.names(Kind.COMPONENT), found.head, found.problem) == (["wknd/components/teaser"], head, "")
    assert asyncio.run(read("c" * 40)).problem.startswith("What changed is not known.")
