"""How is AEM author asked to do what an author does: open, create, publish, delete?

Requests go through the polite client with the credentials of the site's ``author:``. Author's CSRF filter wants
a token with each request that changes something, and its referrer filter wants to see its own host (Adobe's
aem-testing-clients send both).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from aem_checks.asks import Follow, Get, ask
from aem_checks.codes import Codes
from aem_checks.outcomes import Cause, Finding, Judgement, Outcome
from aem_checks.reach import describe, unreached
from aem_checks.text import quoted

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.response import Response
    from aem_checks.visit import Visit

ASKING: Codes = {
    "logged_out": "author leads to its log-in page",
    "not_allowed": "the technical account has no right to do what was asked, or author gave no answer",
}
"""What can be wrong where author is only asked."""
CHANGING: Codes = {
    **ASKING,
    "not_created": "author does not create what an author creates",
    "not_changed": "author does not change what an author changes",
    "not_published": "author does not publish",
    "not_taken_back": "author does not take back what was published",
    "not_deleted": "author does not delete what was created",
}
"""What can be wrong where something is made and removed again."""
_VERBS = {
    "not_created": "be created",
    "not_changed": "be changed",
    "not_published": "be published",
    "not_taken_back": "be taken back",
    "not_deleted": "be deleted",
}
NEEDS = "the author service of stage: 'author: {url: ..., access: ...}' of the site"
_CSRF = "/libs/granite/csrf/token.json"
_COMMANDS = "/bin/wcmcommand"
_REPLICATE = "/bin/replicate.json"
_LOGIN = "/login.html"


class AuthorRefused(Exception):
    """Author did not do what it was asked; ``finding`` says what and how."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.sentence)
        self.finding = finding


class Author:
    """AEM author of the visited site. Every method raises ``AuthorRefused`` instead of returning a bad answer."""

    def __init__(self, visit: Visit) -> None:
        """Raises ``AuthorRefused`` where the site names no author or no access to it."""
        endpoint = visit.site.author
        if endpoint is None or endpoint.access is None:
            raise AuthorRefused(_no_author(visit.site.name, has_url=endpoint is not None))
        self.url = endpoint.url
        self.hosts = endpoint.hosts
        self._token: str | None = None

    def open(self, path: str) -> Steps[Response]:
        """The answer to a GET, redirects on author followed. A log-in or no answer raises; any other status does not."""
        hops = yield from ask(Follow(self.url + path, tries=3, within=self.hosts))
        final = hops[-1]
        if (missing := unreached(final, f"author {path}")) is not None:
            raise AuthorRefused(missing)
        if any(hop.location and _LOGIN in hop.location for hop in hops):
            raise AuthorRefused(_logged_out(path))
        return final

    def post(self, path: str, fields: Mapping[str, str]) -> Steps[Response]:
        """Send a form, once."""
        body = urlencode({"_charset_": "utf-8", **fields}).encode()
        return self._change("POST", path, body, "application/x-www-form-urlencoded")

    def post_json(self, path: str, value: Any) -> Steps[Response]:
        """Send JSON, once."""
        return self._change("POST", path, json.dumps(value).encode(), "application/json")

    def delete(self, path: str) -> Steps[Response]:
        return self._change("DELETE", path, b"", "application/octet-stream")

    def create_page(self, parent: str, name: str, title: str, template: str) -> Steps[None]:
        """A page below ``parent``, as the *Create* button makes it."""
        fields = {
            "cmd": "createPage",
            "parentPath": parent,
            "label": name,
            "title": title,
            "template": template,
        }
        answer = yield from self.post(_COMMANDS, fields)
        if not answer.ok:
            what = f"page {parent}/{name} from template {template}"
            raise AuthorRefused(refused("not_created", what, answer))

    def delete_page(self, path: str) -> Steps[None]:
        fields = {"cmd": "deletePage", "path": path, "force": "true", "checkChildren": "false"}
        answer = yield from self.post(_COMMANDS, fields)
        if not answer.ok:
            raise AuthorRefused(refused("not_deleted", f"page {path}", answer))

    def set_title(self, path: str, title: str) -> Steps[None]:
        """Change the title in a page's properties."""
        answer = yield from self.post(f"{path}/jcr:content", {"jcr:title": title})
        if not answer.ok:
            raise AuthorRefused(refused("not_changed", f"page {path}", answer))

    def replicate(self, path: str, command: str) -> Steps[None]:
        """``Activate`` publishes a page, ``Deactivate`` takes it back."""
        fields = {"cmd": command, "path": path, "agentId": "publish", "sync": "true"}
        answer = yield from self.post(_REPLICATE, fields)
        if not answer.ok:
            code = "not_published" if command == "Activate" else "not_taken_back"
            raise AuthorRefused(refused(code, f"page {path}", answer))

    def _change(self, method: str, path: str, body: bytes, content_type: str) -> Steps[Response]:
        headers = {"Content-Type": content_type, "Referer": f"{self.url}/", "Origin": self.url}
        if token := (yield from self._csrf_token()):
            headers["CSRF-Token"] = token
        answer = yield from ask(Get(self.url + path, method, headers, body))
        if not answer.answered:
            raise AuthorRefused(refused("not_changed", path, answer))
        return answer

    def _csrf_token(self) -> Steps[str]:
        if self._token is None:
            self._token = _token_in((yield from self.open(_CSRF)))
        return self._token


def stamp(word: str) -> str:
    """The name of what a check makes, by which people know it, with a word that nobody has used (``asks.Fresh``)."""
    return f"stage-gate-{word[:12]}"


def _token_in(answer: Response) -> str:
    try:
        token = json.loads(answer.text).get("token", "") if answer.ok else ""
    except (ValueError, AttributeError, RecursionError):
        return ""
    return token if isinstance(token, str) and token.isascii() and token.isprintable() else ""


def nothing(finding: Finding) -> Judgement:
    """What a check says that could not begin."""
    return Judgement(examined=0, findings=(finding,))


def _no_author(site: str, *, has_url: bool) -> Finding:
    lacks = "'access:' of its 'author:'" if has_url else "'author:'"
    return Finding(
        code="not_configured",
        subject="author of stage",
        sentence=f"Site {site} has no {lacks}, so nothing can be asked of author. To do: add it to the gate file, with "
        "a connection that holds the service credentials or a token.",
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.CHECK,
    )


def _logged_out(path: str) -> Finding:
    return Finding(
        code="logged_out",
        subject=f"author {path}",
        sentence=f"Author leads from {path} to its log-in page, so the credentials do not count there. To do: see the "
        "author's connection; a new technical account counts ten minutes after it was put into a product profile.",
        expected="an answer to the technical account",
        actual="the log-in page",
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.NETWORK,
    )


def refused(code: str, what: str, answer: Response) -> Finding:
    """What author did not do, by its code. 401 and 403 speak of the account's rights, anything else of the release."""
    of_rights = answer.status in {401, 403} or not answer.answered
    said = describe(answer)
    todo = (
        "give the technical account's group the right to it (Adobe KA-27438), or see the network"
        if of_rights
        else "see author's error log of this minute"
    )
    return Finding(
        code="not_allowed" if of_rights else code,
        subject=what,
        sentence=f"On author, {what} can't {_VERBS[code]}: {said}. To do: {todo}.",
        expected="status 200 or 201",
        actual=said,
        outcome=Outcome.INCONCLUSIVE if of_rights else Outcome.FAILED,
        cause=Cause.NETWORK if of_rights else Cause.PRODUCT,
    )


def unexpected(code: str, subject: str, what: str, answer: Response, *, todo: str) -> Finding:
    """A failed expectation of an answer of author."""
    said = describe(answer)
    return Finding(
        code=code,
        subject=subject,
        sentence=f"{subject} answers with {said}; expected {what}. To do: {todo}.",
        expected=what,
        actual=quoted(said, 200)[1:-1],
    )
