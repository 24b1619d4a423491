"""Is every changed file told as what it is in an AEM project, and what cannot be narrowed down, as everything?"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from aem_checks.changes.mapping import read_changes
from aem_checks.changes.values import FOR_AUTHORS, GONE, Change, ChangeMap, Kind
from unit.aem_checks.changes.aem_project import APPS, CONF, CORE, FILES, component, library, policies, pom
from unit.aem_checks.git_repository import commit, git


def changed(folder: Path, files: dict[str, str | bytes], project: str = "") -> ChangeMap:
    before = git(folder, "rev-parse", "HEAD").strip()
    after = commit(folder, files)
    return asyncio.run(read_changes(folder, before, after, project))


@pytest.fixture
def wknd(tmp_path: Path) -> Path:
    commit(tmp_path, FILES)
    return tmp_path


TEASER, HERO = "wknd/components/teaser", "wknd/components/hero"
EXTENDED = (HERO, TEASER)
NARROWED = {
    f"{APPS}/components/teaser/teaser.html": ("<p/>", Kind.COMPONENT, TEASER, EXTENDED),
    f"{APPS}/components/teaser/_cq_dialog/.content.xml": ("<x/>", Kind.COMPONENT, TEASER, EXTENDED),
    f"{APPS}/components/hero/hero.html": ("<p/>", Kind.COMPONENT, HERO, (HERO,)),
    f"{APPS}/components/byline/byline.html": (
        "<b/>",
        Kind.COMPONENT,
        "wknd/components/byline",
        ("wknd/components/byline",),
    ),
    f"{APPS}/templates/lib.html": ("<b/>", Kind.COMPONENT, HERO, (HERO,)),
    f"{APPS}/clientlibs/clientlib-hero/css/hero.css": ("h2 {}", Kind.CLIENT_LIBRARY, "wknd.hero", (HERO,)),
    f"{CORE}/Teaser.java": (
        "package com.wknd.core.models;\ninterface Teaser { int a(); }",
        Kind.COMPONENT,
        TEASER,
        EXTENDED,
    ),
    f"{CORE}/impl/TeaserImpl.java": (
        FILES[f"{CORE}/impl/TeaserImpl.java"] + "//",
        Kind.COMPONENT,
        TEASER,
        EXTENDED,
    ),
    f"{CORE}/Byline.java": (
        FILES[f"{CORE}/Byline.java"] + "//",
        Kind.COMPONENT,
        "wknd/components/byline",
        ("wknd/components/byline",),
    ),
    f"{CONF}/policies/.content.xml": (policies("Other"), Kind.POLICY, f"{TEASER}/policy_1", EXTENDED),
    f"{CONF}/templates/article/structure/.content.xml": ("<x/>", Kind.TEMPLATE, "article", ()),
    "ui.content/src/main/content/jcr_root/content/wknd/us/en/.content.xml": (
        "<x/>",
        Kind.CONTENT,
        "/content/wknd",
        (),
    ),
    "ui.config/src/main/content/jcr_root/apps/wknd/osgiconfig/config.author/com.wknd.Edit.cfg.json": (
        '{"a": 1}',
        Kind.OSGI,
        "com.wknd.Edit (author)",
        (),
    ),
    "ui.apps/src/main/content/jcr_root/_oak_index/lucene-custom-1/.content.xml": (
        "<x/>",
        Kind.INDEX,
        "lucene-custom-1",
        (),
    ),
    "ui.apps/src/main/content/jcr_root/_oak_index/_rep_policy.xml": (
        "<x/>",
        Kind.CONTENT,
        "access rights of /oak:index",
        (),
    ),
    "ui.frontend/src/main/webpack/components/_byline.scss": (
        "b {}",
        Kind.CLIENT_LIBRARY,
        "wknd.site",
        ("wknd/components/byline",),
    ),
    "pom.xml": (pom(version="1.1"), Kind.OTHER, "pom.xml", ()),
    "ui.frontend/package.json": (
        '{"version": "1.1", "dependencies": {"swiper": "9.0.0"}}',
        Kind.OTHER,
        "ui.frontend/package.json",
        (),
    ),
    "core/src/test/java/com/wknd/core/models/TeaserTest.java": ("class A {}", Kind.TEST, None, ()),
    "it.tests/src/main/java/com/wknd/it/GetPageIT.java": ("class A {}", Kind.TEST, None, ()),
    "ui.tests/test-module/specs/basic.js": ("2", Kind.TEST, None, ()),
    "classic/src/main/content/jcr_root/apps/wknd/x.html": ("2", Kind.OTHER, None, ()),
    "README.md": ("2", Kind.OTHER, "README.md", ()),
}


@pytest.mark.parametrize("path", NARROWED)
def test_a_file_is_told_as_what_it_is_and_who_shows_it(wknd: Path, path: str) -> None:
    content, kind, name, components = NARROWED[path]
    found = changed(wknd, {path: content})
    [change] = found.changes
    assert (change.path, change.kind, change.name, change.components) == (
        path,
        kind,
        name or path,
        components,
    )
    assert found.everything == ()


EVERYTHING = {
    f"{APPS}/components/page/head.html": (
        "<b/>",
        Kind.PAGE_STRUCTURE,
        "the page component wknd/components/page changed",
    ),
    f"{APPS}/clientlibs/clientlib-base/part/part.js": (
        "2",
        Kind.CLIENT_LIBRARY,
        "the client library wknd.part may be on every page",
    ),
    f"{CONF}/policies/.content.xml": (
        policies(page="y"),
        Kind.POLICY,
        "the policy wknd/components/page/policy_2 of a page component changed",
    ),
    "core/src/main/java/com/wknd/core/services/Mail.java": (
        "class Mail { int a; }",
        Kind.JAVA,
        "core/src/main/java/com/wknd/core/services/Mail.java is Java that no component names",
    ),
    "ui.config/src/main/content/jcr_root/apps/wknd/osgiconfig/config.publish.prod/com.wknd.Mail~a.cfg.json": (
        '{"a": 1}',
        Kind.OSGI,
        "the OSGi configuration com.wknd.Mail-a changed",
    ),
    "dispatcher/src/conf.dispatcher.d/filters/filters.any": (
        "/0002 {}",
        Kind.DISPATCHER,
        "the dispatcher's filters changed",
    ),
    "dispatcher/src/conf.d/available_vhosts/wknd.vhost": (
        "2",
        Kind.DISPATCHER,
        "the dispatcher's virtual hosts changed",
    ),
    "config/cdn.yaml": (
        'kind: "CDN"\nversion: "2"\ndata: {}',
        Kind.CDN,
        "CDN rules changed in config/cdn.yaml",
    ),
    "pom.xml": (
        pom(core="2.24.0"),
        Kind.DEPENDENCY,
        "a dependency changed: Core Components 2.23.4 → 2.24.0",
    ),
    "ui.frontend/package.json": (
        '{"version": "1.0", "dependencies": {"swiper": "10.0.0"}}',
        Kind.DEPENDENCY,
        "a dependency changed: swiper 9.0.0 → 10.0.0",
    ),
    "ui.frontend/src/main/webpack/site/_base.scss": (
        "b {}",
        Kind.CLIENT_LIBRARY,
        "ui.frontend/src/main/webpack/site/_base.scss is built into wknd.site, which may be on every page",
    ),
    "strange/file.bin": ("2", Kind.OTHER, "nobody can tell what strange/file.bin does in AEM"),
}


@pytest.mark.parametrize("path", EVERYTHING)
def test_what_cannot_be_narrowed_down_says_why(wknd: Path, path: str) -> None:
    content, kind, why = EVERYTHING[path]
    found = changed(wknd, {path: content})
    [change] = found.changes
    assert (change.kind, found.everything) == (kind, (why,))


def test_other_lines_of_a_pom_are_the_build(wknd: Path) -> None:
    [change] = changed(wknd, {"pom.xml": pom(other="<build><plugins/></build>")}).changes
    assert change.kind is Kind.BUILD
    assert change.everything == "pom.xml changes how the release is built"


def test_a_policies_file_with_other_time_stamps_changes_nothing(wknd: Path) -> None:
    found = changed(wknd, {f"{CONF}/policies/.content.xml": policies(stamp="2026-02-02")})
    assert [(each.kind, each.note) for each in found.changes] == [
        (Kind.OTHER, "nothing but time stamps and order differs in the policies")
    ]
    assert found.everything == ()


def test_a_policy_names_the_templates_that_map_it(wknd: Path) -> None:
    [change] = changed(wknd, {f"{CONF}/policies/.content.xml": policies("Other")}).changes
    assert change.templates == ("article",)


def test_who_embeds_a_library_is_told(wknd: Path) -> None:
    [change] = changed(wknd, {f"{APPS}/clientlibs/clientlib-base/part/part.js": "2"}).changes
    assert change.categories == ("wknd.base", "wknd.other", "wknd.part")


def test_a_deleted_component_is_still_known(wknd: Path) -> None:
    before = git(wknd, "rev-parse", "HEAD").strip()
    git(wknd, "rm", "-r", "--quiet", f"{APPS}/components/byline")
    found = asyncio.run(read_changes(wknd, before, commit(wknd, {})))
    assert {(each.kind, each.name) for each in found.changes} == {(Kind.COMPONENT, "wknd/components/byline")}


def test_a_moved_file_is_gone_from_one_place_and_new_at_another(wknd: Path) -> None:
    before = git(wknd, "rev-parse", "HEAD").strip()
    git(wknd, "mv", f"{APPS}/components/teaser/teaser.html", f"{APPS}/components/hero/old.html")
    found = asyncio.run(read_changes(wknd, before, commit(wknd, {})))
    assert (found.files, found.names(Kind.COMPONENT)) == (1, [HERO, TEASER])


def test_a_renamed_pid_is_still_the_same(wknd: Path) -> None:
    before = git(wknd, "rev-parse", "HEAD").strip()
    folder = "ui.config/src/main/content/jcr_root/apps/wknd/osgiconfig/config.publish.prod"
    git(wknd, "mv", f"{folder}/com.wknd.Mail~a.cfg.json", f"{folder}/com.wknd.Mail-a.cfg.json")
    found = asyncio.run(read_changes(wknd, before, commit(wknd, {})))
    assert found.names(Kind.OSGI) == ["com.wknd.Mail-a (prod.publish)"]


def test_one_sentence_tells_the_whole(wknd: Path) -> None:
    found = changed(
        wknd,
        {
            f"{APPS}/components/teaser/teaser.html": "<p/>",
            f"{APPS}/components/byline/byline.html": "<b/>",
            f"{APPS}/clientlibs/clientlib-hero/css/hero.css": "h2 {}",
            "dispatcher/src/conf.dispatcher.d/filters/filters.any": "/0002 {}",
            "pom.xml": pom(core="2.24.0"),
        },
    )
    assert found.summary == (
        "5 files in 1 commit by 1 person: 2 components, 1 client library, 1 dependency (Core Components 2.23.4 → 2.24.0), "
        "dispatcher filters"
    )


def test_a_project_without_the_layout_is_mapped_by_what_aem_reads(tmp_path: Path) -> None:
    commit(
        tmp_path,
        {
            "legacy/view/jcr_root/apps/shop/cart.xml": component(),
            "legacy/view/jcr_root/apps/shop/cart/cart.html": "<p/>",
            "legacy/view/jcr_root/apps/shop/libs/.content.xml": library("shop"),
            "legacy/view/META-INF/vault/filter.xml": "<workspaceFilter/>",
        },
    )
    found = changed(
        tmp_path,
        {
            "legacy/view/jcr_root/apps/shop/cart/cart.html": "<b/>",
            "legacy/view/META-INF/vault/filter.xml": "<x/>",
            "legacy/view/jcr_root/apps/shop/libs/a.css": "b {}",
        },
    )
    assert [(each.kind, each.name) for each in found.changes] == [
        (Kind.CONTENT, "package of legacy/view"),
        (Kind.COMPONENT, "shop/cart"),
        (Kind.CLIENT_LIBRARY, "shop"),
    ]


def test_of_a_monorepo_only_the_project_is_told(tmp_path: Path) -> None:
    commit(tmp_path, {f"aem/{name}": text for name, text in FILES.items()} | {"shop/a.js": "1"})
    commit(tmp_path, {})
    path = f"aem/{APPS}/components/teaser/teaser.html"
    found = changed(tmp_path, {path: "<p/>", "shop/a.js": "2"}, "aem")
    assert [(each.path, each.name) for each in found.changes] == [(path, TEASER)]
    assert found.notes == ("1 file outside of aem changed too; they are not of this project.",)
    assert found.files == 1


def test_a_submodule_is_another_commit(wknd: Path) -> None:
    before = git(wknd, "rev-parse", "HEAD").strip()
    git(wknd, "update-index", "--add", "--cacheinfo", f"160000,{before},theme")
    git(wknd, "commit", "--quiet", "--message", "A submodule")
    found = asyncio.run(read_changes(wknd, before, git(wknd, "rev-parse", "HEAD").strip()))
    assert found.changes == (
        Change("theme", Kind.OTHER, "theme", everything="the submodule theme is another commit"),
    )


def test_what_only_authors_see_and_what_is_no_more_is_marked(wknd: Path) -> None:
    before = git(wknd, "rev-parse", "HEAD").strip()
    git(wknd, "rm", "-r", "--quiet", f"{APPS}/components/byline")
    after = commit(wknd, {f"{APPS}/components/teaser/_cq_dialog/.content.xml": "<x/>"})
    found = asyncio.run(read_changes(wknd, before, after))
    assert {(each.name, each.note) for each in found.changes} == {
        ("wknd/components/byline", GONE),
        (TEASER, FOR_AUTHORS),
    }
