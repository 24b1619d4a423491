"""What does each defect in front of the pages show?"""

from __future__ import annotations

from collections.abc import Callable

from simulator.aem import AemEnvironment
from simulator.aem.defects import PAGE
from simulator.aem.dispatcher import APPLICATION
from simulator.aem.exchange import Ask, Reply
from unit.simulator.aem_visitor import ask

UNKNOWN = "/us/en/no-such-page-4711.html"
QUERY = "/graphql/execute.json/larkfell/adventures-all"
LOGIN = "/libs/granite/core/content/login.html"
FOREIGN = "https://stranger.example"


def _header(target: str, name: str, **sent: str) -> Callable[[AemEnvironment], str | None]:
    return lambda aem: ask(aem, target, **sent).headers.get(name)


def _allowed(aem: AemEnvironment, origin: str, target: str = QUERY) -> str | None:
    return ask(aem, target, origin=origin).headers.get("access-control-allow-origin")


def _preflight(aem: AemEnvironment) -> Reply:
    asked = {"origin": APPLICATION, "access-control-request-method": "GET"}
    return aem.answer(Ask("OPTIONS", "/graphql/execute.json/larkfell/articles-by-locale", "", asked))


def _is_copy(reply: Reply) -> bool:
    return reply.status == 200 and b"<h1>Larkfell</h1>" in reply.body


def _author(aem: AemEnvironment, path: str, **headers: str) -> Reply:
    return aem.answer_author(Ask("GET", path, "", headers))


SYMPTOMS: dict[str, Callable[[AemEnvironment], bool]] = {
    "surrogate_keeps_errors": lambda aem: "surrogate-control" in ask(aem, UNKNOWN).headers,
    "cdn_keeps_errors": lambda aem: ask(aem, f"{UNKNOWN}?new").headers["age"] == "45",
    "catch_all_vhost": lambda aem: ask(aem, "/us/en.html").headers.get("x-vhost") == "catch-all",
    "misdirected": lambda aem: ask(aem, "/us/en.html").status == 421,
    "home_in_circles": lambda aem: ask(aem, "/").status == ask(aem, "/us/en.html").status == 301,
    "any_selector": lambda aem: _is_copy(ask(aem, "/us/en/magazine.sg0123456789.html")),
    "any_suffix": lambda aem: _is_copy(ask(aem, "/us/en/magazine.html/sg0123456789")),
    "edit_mode_open": lambda aem: b"<cq " in ask(aem, f"{PAGE}?wcmmode=edit").body,
    "layout_mode_open": lambda aem: b"<td>component" in ask(aem, f"{PAGE}?debug=layout").body,
    "types_are_guessed": lambda aem: "x-content-type-options" not in ask(aem, "/us/en/gear.html").headers,
    "any_origin": lambda aem: _allowed(aem, FOREIGN, "/us/en/gear.html") == FOREIGN,
    "origin_refused": lambda aem: _allowed(aem, APPLICATION) is None,
    "origin_placeholder": lambda aem: "$" in (_allowed(aem, APPLICATION) or ""),
    "origin_not_varied": lambda aem: "vary" not in ask(aem, f"{QUERY}?new", origin=APPLICATION).headers,
    "preflight_lost": lambda aem: _preflight(aem).status == 404,
    "login_page_broken": lambda aem: _author(aem, LOGIN).status == 500,
    "technical_account_in_no_group": lambda aem: (
        _author(aem, "/content.1.json", authorization="Bearer anything").status == 403
    ),
}
