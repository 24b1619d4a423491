"""Are the commits between two releases told as they are, and does a strange or hostile repository cost a sentence?"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from aem_checks.changes import history
from aem_checks.changes.mapping import read_changes
from aem_checks.changes.values import ChangeMap
from unit.aem_checks.changes.aem_project import APPS, FILES
from unit.aem_checks.git_repository import commit, git


def head(folder: Path) -> str:
    return git(folder, "rev-parse", "HEAD").strip()


def changes(folder: Path, base: str, to: str) -> ChangeMap:
    return asyncio.run(read_changes(folder, base, to))


def test_merges_and_what_they_changed_themselves(tmp_path: Path) -> None:
    base = commit(tmp_path, {"a.md": "1", "b.md": "1"})
    git(tmp_path, "checkout", "--quiet", "-b", "feature")
    on_branch = commit(tmp_path, {"b.md": "2"})
    git(tmp_path, "checkout", "--quiet", "-")
    on_main = commit(tmp_path, {"a.md": "2"})
    git(tmp_path, "merge", "--quiet", "--no-ff", "--no-commit", "feature")
    merge = commit(tmp_path, {"a.md": "both", "b.md": "both"})
    found = changes(tmp_path, base, merge)
    assert {each.id: (each.is_merge, each.files) for each in found.commits} == {
        merge: (True, ("a.md", "b.md")),
        on_main: (False, ("a.md",)),
        on_branch: (False, ("b.md",)),
    }
    assert (found.files, found.people) == (2, 1)


def test_people_are_counted_by_address(tmp_path: Path) -> None:
    base = commit(tmp_path, {"a.md": "1"})
    for number, author in enumerate(("A <a@x.invalid>", "Ann <A@x.invalid>", "B <b@x.invalid>")):
        (tmp_path / "a.md").write_text(f"by {number}")
        git(tmp_path, "commit", "--all", "--quiet", "--author", author, "--message", f"Change {number}")
    found = changes(tmp_path, base, head(tmp_path))
    assert found.summary == "1 file in 3 commits by 2 people: 1 other file"
    assert [each.title for each in found.commits] == ["Change 2", "Change 1", "Change 0"]


def test_a_squash_or_another_branch_is_said(tmp_path: Path) -> None:
    commit(tmp_path, {"a.md": "1"})
    git(tmp_path, "checkout", "--quiet", "-b", "release")
    base = commit(tmp_path, {"a.md": "2"})
    git(tmp_path, "checkout", "--quiet", "-")
    found = changes(tmp_path, base, commit(tmp_path, {"a.md": "3"}))
    assert found.notes == (
        "The last verified release has 1 commit that this release has not: a squash, another branch, or work that is "
        "taken back.",
    )


def test_a_rebuilt_older_commit_is_said(tmp_path: Path) -> None:
    older = commit(tmp_path, {"a.md": "1"})
    base = commit(tmp_path, {"a.md": "2"})
    found = changes(tmp_path, base, older)
    assert found.commits == ()
    assert found.notes == (
        "The release is an older commit than the last verified release: it takes 1 commit of that back.",
    )
    assert found.summary == "1 file, with no commit of its own: 1 other file"


def test_the_same_commit_again_changes_nothing(tmp_path: Path) -> None:
    base = commit(tmp_path, {"a.md": "1"})
    found = changes(tmp_path, base, base)
    assert (found.files, found.changes, found.everything) == (0, (), ())
    assert "nothing changed" in found.notes[0]


@pytest.mark.parametrize("base", ["", "HEAD", "--output=/tmp/x", "0" * 39, "ab" * 20])
def test_a_base_that_is_not_there_is_a_sentence_and_everything_counts_as_changed(
    tmp_path: Path, base: str
) -> None:
    found = changes(tmp_path, base, commit(tmp_path, {"a.md": "1"}))
    assert found.problem.startswith("What changed is not known. The commit")
    assert found.everything == (found.problem,)


def test_a_history_that_was_cut_short_is_said(tmp_path: Path) -> None:
    base = commit(tmp_path / "origin", {"a.md": "1"})
    commit(tmp_path / "origin", {"a.md": "2"})
    commit(tmp_path / "origin", {"a.md": "3"})
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{tmp_path}/origin", "short")
    assert "whose history is cut short" in changes(tmp_path / "short", base, head(tmp_path / "short")).problem
    git(tmp_path / "short", "fetch", "--quiet", "--depth=1", "origin", base)
    found = changes(tmp_path / "short", base, head(tmp_path / "short"))
    assert found.files == 1
    assert "The history is cut short, so commits may be missing." in found.notes
    assert [each.files for each in found.commits] == [()], "what came before it is not there to compare with"


def test_no_folder_and_no_repository_are_sentences(tmp_path: Path) -> None:
    assert "There is no folder" in changes(tmp_path / "gone", "a" * 40, "b" * 40).problem
    assert "What changed is not known" in changes(tmp_path, "a" * 40, "b" * 40).problem


def test_names_with_line_breaks_and_bytes_that_are_no_text_are_files_like_others(tmp_path: Path) -> None:
    base = commit(tmp_path, {"a.md": "1"})
    names = ("\nfirst", "two\nlines", "a\ttab", "ünï", "-rf", '"quoted"', "a" * 200)
    (tmp_path / "broken").mkdir()
    Path(str(tmp_path / "broken") + "/\udcff.md").write_text("1")
    found = changes(tmp_path, base, commit(tmp_path, dict.fromkeys(names, "1")))
    expected = {*names, "broken/�.md"}
    assert {each.path for each in found.changes} == expected
    assert set(found.commits[0].files) == expected


def test_a_title_cannot_pretend_to_be_another_commit(tmp_path: Path) -> None:
    base = commit(tmp_path, {"a.md": "1"})
    (tmp_path / "a.md").write_text("2")
    title = "x\x01\x1b[31m::group::" + "y" * 400
    git(tmp_path, "commit", "--all", "--quiet", "--message", title, "--author", "A\x1b[2J <a@x>")
    [found] = changes(tmp_path, base, head(tmp_path)).commits
    assert found.title.startswith("x\\x01\\x1b[31m: :group::")
    assert len(found.title) <= 200 + 20
    assert "\x1b" not in found.author


def test_nothing_of_a_repository_is_run(tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\ncat\n")
    trap.chmod(0o755)
    folder = tmp_path / "hostile"
    base = commit(folder, {**FILES, ".gitattributes": "* diff=trap filter=trap merge=trap\n"})
    for name in (
        *(
            "diff.trap.textconv",
            "diff.trap.command",
            "filter.trap.clean",
            "filter.trap.smudge",
            "diff.external",
        ),
        *(
            "core.fsmonitor",
            "core.pager",
            "core.sshCommand",
            "gpg.program",
            "core.editor",
            "credential.helper",
        ),
    ):
        git(folder, "config", name, str(trap))
    git(folder, "config", "log.showSignature", "true")
    for hook in ("post-checkout", "pre-commit", "reference-transaction"):
        (folder / ".git/hooks").mkdir(exist_ok=True)
        (folder / f".git/hooks/{hook}").symlink_to(trap)
    path = f"{APPS}/components/teaser/teaser.html"
    blob = _hash(folder, "<p/>")
    git(folder, "-c", "core.fsmonitor=false", "update-index", "--cacheinfo", f"100644,{blob},{path}")
    tree = git(folder, "-c", "core.fsmonitor=false", "write-tree").strip()
    after = git(folder, "commit-tree", "-p", base, "-m", "x", tree).strip()
    (tmp_path / "sprung").unlink(missing_ok=True)
    found = changes(folder, base, after)
    assert [each.name for each in found.changes] == ["wknd/components/teaser"]
    assert not (tmp_path / "sprung").exists()


def _hash(folder: Path, text: str) -> str:
    (folder / "given").write_text(text)
    return git(folder, "hash-object", "-w", "--no-filters", "given").strip()


def test_symbolic_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.xml").write_text("<project><groupId>secret</groupId></project>")
    base = commit(tmp_path / "a", FILES)
    (tmp_path / "a/pom.xml").unlink()
    (tmp_path / "a/pom.xml").symlink_to(tmp_path / "secret.xml")
    (tmp_path / "a/loop").symlink_to(".")
    found = changes(tmp_path / "a", base, commit(tmp_path / "a", {}))
    assert {each.path: each.everything for each in found.changes} == {
        "loop": "nobody can tell what loop does in AEM",
        "pom.xml": "pom.xml can't be read",
    }


def test_a_file_that_is_too_long_is_told(tmp_path: Path) -> None:
    base = commit(tmp_path, FILES)
    found = changes(tmp_path, base, commit(tmp_path, {"pom.xml": b" " * 1_100_000}))
    assert found.everything == ("pom.xml is too long to be read",)


@pytest.mark.parametrize(
    "text",
    ["<a", "<!DOCTYPE a [<!ENTITY b 'c'>]><project>&b;</project>", "\0", "<project>" * 5000, "[" * 100_000],
)
def test_files_that_are_not_what_they_should_be_count_as_everything(tmp_path: Path, text: str) -> None:
    base = commit(tmp_path, FILES)
    found = changes(tmp_path, base, commit(tmp_path, {"pom.xml": text, "ui.frontend/package.json": text}))
    assert found.everything == ("pom.xml can't be read", "ui.frontend/package.json can't be read")


def test_more_files_than_anybody_can_look_at_cost_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "MOST_FILES", 10)
    base = commit(tmp_path, {"a.md": "1"})
    found = changes(tmp_path, base, commit(tmp_path, {f"{each}.md": "1" for each in range(11)}))
    assert "More than 10 files differ" in found.problem


def test_more_commits_than_anybody_can_look_at_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "MOST_COMMITS", 2)
    base = commit(tmp_path, {"a.md": "1"})
    for text in "234":
        commit(tmp_path, {"a.md": text})
    found = changes(tmp_path, base, head(tmp_path))
    assert (len(found.commits), found.notes) == (
        2,
        ("Only the newest 2 commits of this release were looked at.",),
    )


LONG = "a" * 1_000_000
HOSTILE_TEXTS = {
    "Lines.java": "\n" * 1_000_000,
    "Blanks.java": "class A extends" + " " * 1_000_000,
    "Implements.java": "implements " * 90_000,
    "Implements blanks.java": "implements" + " " * 1_000_000,
    "Extends.java": "class A extends " * 60_000,
    "Quotes.java": '"a/' * 330_000,
    "ui.apps/jcr_root/apps/x/a.html": "data-sly-use.a" * 70_000,
    "ui.apps/jcr_root/apps/x/b.html": "categories=[" * 80_000,
    "ui.apps/jcr_root/apps/x/c.html": f"data-sly-use.{LONG}",
    "config/cdn.yaml": "kind: CDN\na: &a [*a, *a]\n" * 9_000,
}


@pytest.mark.parametrize("name", HOSTILE_TEXTS)
def test_texts_that_are_made_to_be_slow_are_read(tmp_path: Path, name: str) -> None:
    """Where the work grows with the square of the length, this does not end within the time of a test run."""
    base = commit(tmp_path, {"a.md": "1"})
    after = commit(tmp_path, {name: HOSTILE_TEXTS[name]})
    assert changes(tmp_path, base, after).files == 1


def test_a_name_that_is_too_long_is_told(tmp_path: Path) -> None:
    base = commit(tmp_path, {"a.md": "1"})
    folder = "/".join(["classic-" + "a" * 200] * 12)
    found = changes(tmp_path, base, commit(tmp_path, {f"{folder}/b.java": "1"}))
    assert found.everything == ("a file's name is too long to be looked at",)
