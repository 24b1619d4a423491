"""Does A5 see what keeps the gate from author, and tell it from a mere missing answer?"""

from __future__ import annotations

import asyncio

import pytest

from aem_checks.access import Access
from aem_checks.kinds.availability.author_reachable import LOGIN, AuthorReachable, AuthorReachableSettings
from unit.aem_checks.small_site import SmallSite, outcome, visit

SIGN_IN = "<html><head><title>AEM Sign In</title></head></html>"
GOOD = {
    LOGIN: (200, SIGN_IN),
    "/libs/granite/csrf/token.json": (200, '{"token": "x"}'),
    "/content.1.json": (200, "{}"),
}


def _visit(tmp_path, answers, *, access: str | None = "author", **settings):
    """Author stands in for stage too; only its own paths are asked."""
    check = AuthorReachable(AuthorReachableSettings(**settings))

    async def run():
        async with SmallSite(answers).running() as url:
            author = url if access is None else {"url": url, "access": access}
            resolver = lambda name: Access({"Authorization": "Bearer t0ken"})  # noqa: E731
            return await asyncio.to_thread(visit, check, tmp_path, {}, author=author, resolver=resolver)

    judgement = asyncio.run(run())
    return outcome(check, judgement), judgement


def test_an_author_that_lets_the_gate_in_passes(tmp_path):
    result, judgement = _visit(tmp_path, GOOD)
    assert (result, judgement.examined, judgement.findings) == ("warn passed", 3, ())


@pytest.mark.parametrize(
    ("path", "answer", "words"),
    [
        (LOGIN, (500, "x"), "status 500"),
        (LOGIN, (200, "<title>Maintenance</title>"), "the title 'Maintenance'"),
        ("/content.1.json", (403, "x"), "KA-27438"),
        ("/libs/granite/csrf/token.json", (401, "x"), "renew the service credentials"),
        ("/content.1.json", (404, "x"), "status 404"),
    ],
)
def test_a_wrong_answer_is_a_warning_that_says_why(tmp_path, path, answer, words):
    result, judgement = _visit(tmp_path, {**GOOD, path: answer})
    assert result == "warn failed product"
    assert words in judgement.findings[0].sentence


def test_an_allow_list_is_inconclusive(tmp_path):
    assert _visit(tmp_path, lambda path: (405, "not you"))[0].startswith("warn inconclusive")


def test_without_access_only_the_login_page_is_asked_and_that_is_said(tmp_path):
    result, judgement = _visit(tmp_path, GOOD, access=None)
    assert (result, judgement.examined) == ("warn passed", 1)
    assert "Only the login page" in judgement.findings[0].sentence


def test_a_login_elsewhere_is_fine(tmp_path):
    answers = {**GOOD, LOGIN: (302, "", {"Location": "https://login.example/saml"})}
    assert _visit(tmp_path, answers)[0] == "warn passed"


def test_a_site_without_author_is_inconclusive(tmp_path):
    check = AuthorReachable(AuthorReachableSettings())
    judgement = visit(check, tmp_path, {})
    assert outcome(check, judgement) == "warn inconclusive check"
    assert "add 'author:'" in judgement.findings[0].sentence
