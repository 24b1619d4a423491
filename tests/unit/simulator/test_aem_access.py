"""Who may come in to the simulated stage, and what does author say?"""

from __future__ import annotations

import pytest

from simulator.aem.exchange import Ask
from unit.simulator.aem_visitor import ask, environment, served


def test_a_stage_behind_basic_auth_asks_for_it() -> None:
    aem = environment()
    aem.access = "basic"
    refused = ask(aem, "/us/en.html")
    assert (refused.status, refused.headers["www-authenticate"]) == (401, 'Basic realm="Larkfell stage"')
    assert ask(aem, "/us/en.html", authorization="Basic d3Jvbmc6d3Jvbmc=").status == 401
    right = "Basic c2ltdWxhdGVkLXVzZXI6c2ltdWxhdGVkLXBhc3N3b3Jk"
    assert ask(aem, "/us/en.html", authorization=right).status == 200


def test_a_stage_behind_an_edge_key_or_a_bearer_token_asks_for_it() -> None:
    aem = environment()
    aem.accepts_token = lambda token: token == "good"
    aem.access = "edge-key"
    assert ask(aem, "/us/en.html").status == 403
    assert ask(aem, "/us/en.html", **{"x-aem-edge-key": "simulated-edge-key"}).status == 200
    aem.access = "bearer"
    assert ask(aem, "/us/en.html", authorization="Bearer bad").status == 401
    assert ask(aem, "/us/en.html", authorization="Bearer good").status == 200


def test_an_ip_allow_list_answers_405_to_everything_even_what_is_cached() -> None:
    aem = environment()
    ask(aem, "/us/en.html")
    aem.access = "ip-blocked"
    paths = ("/us/en.html", "/no-such-page", "/system/probes/health", "/etc.clientlibs/toggles.json")
    assert {ask(aem, path).status for path in paths} == {405}
    assert aem.answer_author(Ask("GET", "/")).status == 405
    aem.access = "open"
    assert ask(aem, "/us/en.html").status == 200


def test_author_shows_its_login_page_and_leads_pages_there() -> None:
    aem = environment()
    aem.set_urls(publish="http://publish.test", author="http://author.test")
    with served(aem.author_app()) as author:
        login = author.get("/libs/granite/core/content/login.html")
        assert (login.status, b"<title>AEM Sign In</title>" in login.body) == (200, True)
        assert author.get("/system/probes/health").status == 200
        page = author.get("/sites.html")
        assert page.status == 302
        assert page.headers["location"].startswith("http://author.test/libs/granite/core/content/login.html?")
        assert author.get("/content.1.json").status == 401


def test_author_lets_a_token_in_unless_its_account_has_no_group() -> None:
    aem = environment()
    aem.accepts_token = lambda token: token == "good"

    def status(path: str, token: str) -> int:
        return aem.answer_author(Ask("GET", path, "", {"authorization": f"Bearer {token}"})).status

    paths = (
        "/content.1.json",
        "/libs/granite/csrf/token.json",
        "/sites.html",
        "/content/larkfell/us/en.html",
    )
    assert {status(path, "good") for path in paths} == {200}
    assert {status(path, "bad") for path in paths} == {401}
    assert status("/nothing.json", "good") == 404
    aem.author_has_groups = False
    assert {status(path, "good") for path in paths} == {403}


def test_an_access_that_does_not_exist_is_refused_and_changes_nothing() -> None:
    aem = environment()
    aem.access = "basic"
    with pytest.raises(ValueError, match="No access is called 'closed'"):
        aem.access = "closed"
    assert aem.access == "basic"
