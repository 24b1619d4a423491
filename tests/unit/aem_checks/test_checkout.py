"""Is a checkout the candidate's commit, and nothing else?"""

from __future__ import annotations

import asyncio
import base64
import shutil
import socket
import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from aem_checks import checkout
from aem_checks import git as git_command
from aem_checks.access import NO_ACCESS, Access, AccessError
from aem_checks.checkout import Checkout, Commit, Source, opened
from aem_checks.git import CheckoutError
from aem_checks.means import Means
from aem_checks.network_guard.forward_proxy import ForwardProxy
from unit.aem_checks.availability.test_domains import _certificate as self_signed
from unit.aem_checks.git_repository import commit, git
from unit.aem_checks.git_server import BACKEND, git_server
from unit.aem_checks.test_commands import running, until

FILES = {"ui.config/a.cfg.json": "{}", "all/pom.xml": "<project/>", "README.md": "Hello"}


def visit(commit_id: str | None, resolver: Any = lambda name: NO_ACCESS) -> Means:
    nothing: Any = None
    return Means(nothing, "stage", nothing, None, Path(), facts={"commit_id": commit_id}, resolver=resolver)


def read(checkout: Checkout, commit_id: str | None, *patterns: str, **options: Any) -> dict[str, str]:
    async def run() -> dict[str, str]:
        async with opened(checkout, visit(commit_id, **options)) as found:
            return Source(await found.read(found.matching(*patterns))).texts

    return asyncio.run(run())


def test_the_files_are_those_of_the_commit_whatever_is_checked_out(tmp_path: Path) -> None:
    first = commit(tmp_path, FILES)
    commit(tmp_path, {"README.md": "Another release"})
    (tmp_path / "README.md").write_text("Nobody committed this")
    assert read(Checkout(folder=str(tmp_path)), first, "*.md") == {"README.md": "Hello"}


def test_a_repository_is_fetched_at_that_commit_alone(tmp_path: Path) -> None:
    first = commit(tmp_path / "origin", FILES)
    commit(tmp_path / "origin", {"README.md": "Another release"})
    found = read(Checkout(repository=f"file://{tmp_path}/origin"), first, "**/*.json", "*.md")
    assert found == {"README.md": "Hello", "ui.config/a.cfg.json": "{}"}


TRUSTING_GIT = '#!/bin/sh\nexec {git} -c http.sslVerify=false "$@"\n'


@pytest.mark.skipif(not BACKEND.exists(), reason="git has no http-backend here")
def test_a_repository_is_fetched_over_https_by_the_guards_proxy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy of the deployment is passed by for this machine, and what the worker says of proxies is not git's to read."""
    first = commit(tmp_path / "origin", FILES)
    (tmp_path / "git").write_text(TRUSTING_GIT.format(git=shutil.which("git")))
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "*")
    proxies: list[ForwardProxy] = []
    way_to = checkout._way_to
    monkeypatch.setattr(checkout, "_way_to", lambda url: proxies.append(way_to(url)) or proxies[0])

    async def run() -> dict[str, str]:
        async with git_server(tmp_path, self_signed(tmp_path)) as url:
            repository = Checkout(repository=f"{url}/origin/.git")
            async with opened(repository, visit(first)) as found:
                assert set(proxies[0].asked) == {url.removeprefix("https://")}
                return Source(await found.read(found.matching("*.md"))).texts

    assert asyncio.run(run()) == {"README.md": "Hello"}


def test_a_folder_inside_the_repository_can_be_the_project(tmp_path: Path) -> None:
    only = commit(tmp_path, {"aem/pom.xml": "<project/>", "other/pom.xml": "<other/>"})
    assert read(Checkout(folder=str(tmp_path), base="aem/"), only, "**/pom.xml") == {"pom.xml": "<project/>"}


@pytest.mark.parametrize(
    ("commit_id", "words"),
    [
        (None, "names no commit of this release"),
        ("main", "names no commit of this release"),
        ("--upload-pack=touch /tmp/x", "names no commit of this release"),
        ("0" * 40, "is not in"),
    ],
)
def test_another_commit_is_no_answer(tmp_path: Path, commit_id: str | None, words: str) -> None:
    commit(tmp_path, FILES)
    with pytest.raises(CheckoutError, match=words):
        read(Checkout(folder=str(tmp_path)), commit_id, "**")


def test_a_folder_that_is_missing_or_no_clone_is_no_answer(tmp_path: Path) -> None:
    with pytest.raises(CheckoutError, match="There is no folder"):
        read(Checkout(folder=str(tmp_path / "nowhere")), "1" * 40, "**")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CheckoutError, match="not a git repository"):
        read(Checkout(folder=str(tmp_path / "empty")), "1" * 40, "**")


def test_links_and_long_files_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "passwd.md").symlink_to("/etc/passwd")
    only = commit(tmp_path, {"long.md": "x" * (1024 * 1024 + 1), "short.md": "short"})

    async def run() -> Commit:
        async with opened(Checkout(folder=str(tmp_path)), visit(only)) as found:
            return found

    found = asyncio.run(run())
    assert list(found.files) == ["short.md"]
    assert found.too_long == ("long.md",)


def test_hooks_and_settings_of_a_clone_run_nothing(tmp_path: Path) -> None:
    only = commit(tmp_path, FILES)
    git(tmp_path, "config", "core.fsmonitor", f"touch {tmp_path}/was-run")
    git(tmp_path, "config", "core.sshCommand", f"touch {tmp_path}/was-run")
    read(Checkout(folder=str(tmp_path)), only, "**")
    assert not (tmp_path / "was-run").exists()


TELLING_GIT = """#!/bin/sh
case "$*" in
*fetch*) env >> {told}/environment; echo "$*" >> {told}/arguments; echo "fatal: $GIT_CONFIG_VALUE_0" >&2; exit 128 ;;
esac
"""


def test_credentials_are_in_the_environment_of_git_alone(tmp_path: Path, monkeypatch: Any) -> None:
    """A git that tells what it was given, and says the secret in its error."""
    (tmp_path / "git").write_text(TELLING_GIT.format(told=tmp_path))
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "not for git")
    checkout = Checkout(repository="https://git.example/wknd.git", access="git")
    with pytest.raises(CheckoutError) as error:
        read(checkout, "1" * 40, "**", resolver=lambda name: Access({}, ("me", "s3cret-word")))
    header = "Authorization: Basic " + base64.b64encode(b"me:s3cret-word").decode()
    environment = (tmp_path / "environment").read_text()
    assert header in environment
    assert "FERNET" not in environment
    assert "Basic" not in (tmp_path / "arguments").read_text()
    assert "https://git.example/wknd.git" in (tmp_path / "arguments").read_text()
    assert str(error.value) == "git says: fatal: [hidden]"


def test_credentials_of_another_host_are_given_to_no_git(tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "git").write_text(TELLING_GIT.format(told=tmp_path))
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    checkout = Checkout(repository="https://evil.example/wknd.git", access="git")
    ours = Access({}, ("me", "s3cret-word"), frozenset({"git.example"}))
    with pytest.raises(CheckoutError, match=r"the connection opens git\.example only, not evil\.example"):
        read(checkout, "1" * 40, "**", resolver=lambda name: ours)
    assert not (tmp_path / "environment").exists()


def test_a_connection_that_is_missing_is_no_answer(tmp_path: Path) -> None:
    def missing(name: str) -> Access:
        raise AccessError(f"there is no connection {name!r}")

    with pytest.raises(CheckoutError, match="there is no connection 'git'"):
        read(Checkout(repository=f"file://{tmp_path}", access="git"), "1" * 40, "**", resolver=missing)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "either 'folder:' or 'repository:'"),
        ({"folder": "/a", "repository": "https://git.example/a"}, "either 'folder:' or 'repository:'"),
        ({"repository": "http://git.example/a"}, "begins with https://"),
        ({"repository": "ext::sh -c id"}, "begins with https://"),
        ({"repository": "https://me:word@git.example/a"}, "name it with 'access:'"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, str], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Checkout(**settings)


def test_a_server_that_never_answers_ends_in_time_and_leaves_no_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git_command, "_SECONDS", 1.0)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/wknd.git"
        began = time.monotonic()
        with pytest.raises(CheckoutError, match="gave no answer within 1 s"):
            read(Checkout(repository=url), "a" * 40, "*")
        assert time.monotonic() - began < 60
        asyncio.run(until(lambda: not running(url)))
        assert running(url) == []


def test_what_a_partial_clone_lacks_is_not_fetched_by_a_command_of_its_own(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "--bare", "origin")
    git(tmp_path, "init", "--quiet", "--bare", "clone")
    (tmp_path / "clone" / "config").write_text(
        "[core]\n\trepositoryformatversion = 1\n\tbare = true\n[extensions]\n\tpartialClone = origin\n"
        f'[remote "origin"]\n\turl = {tmp_path}/origin\n\tpromisor = true\n'
        f"\tuploadpack = touch {tmp_path}/ran; git-upload-pack\n[protocol]\n\tallow = always\n"
    )
    with pytest.raises(CheckoutError, match="is not in"):
        read(Checkout(folder=str(tmp_path / "clone")), "b" * 40, "*")
    assert not (tmp_path / "ran").exists()


def test_a_commit_with_more_files_than_are_looked_at_is_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only = commit(tmp_path, FILES)
    monkeypatch.setattr(checkout, "MOST_FILES", 2)
    with pytest.raises(CheckoutError, match="more than 2 files"):
        read(Checkout(folder=str(tmp_path)), only, "*.md")


def test_a_file_that_is_too_long_to_be_read_is_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only = commit(tmp_path, {**FILES, "ui.config/b.cfg.json": "x" * 2000})
    monkeypatch.setattr(checkout, "MOST_BYTES", 1024)
    assert read(Checkout(folder=str(tmp_path)), only, "*.md") == {"README.md": "Hello"}
    with pytest.raises(CheckoutError, match="is longer than 1 KiB"):
        read(Checkout(folder=str(tmp_path)), only, "**/*.json")


def test_a_tree_without_end_is_not_listed_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only = commit(tmp_path, {f"d{number}/f{each}": "" for number in range(20) for each in range(20)})
    monkeypatch.setattr(git_command, "_MOST_SAID", 1000)
    with pytest.raises(CheckoutError, match="printed more than"):
        read(Checkout(folder=str(tmp_path)), only, "*")
