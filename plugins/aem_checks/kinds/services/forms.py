"""G4: are the site's forms there, complete and able to be sent?

For each form that the gate file names it opens the page past all caches and looks for the form, its fields, its
button, the client-side rules of required fields, and a target that is this site or one that the gate file allows;
for a form that posts to AEM also for the CSRF token's endpoint. It would have caught the form that lost fields
or its target when its component or policy did not arrive with the release, which Adobe's own stage tests never
open (their samples of the site's own pages are switched off). Forms that a script builds are not seen: name them
in a browser suite. Nothing is sent unless ``submit`` says so: then one POST with a marker goes to stage, and a
second one if the check is confirmed by a re-run; use a target that harms nobody. Captchas make it fail.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field, model_validator

from aem_checks.asks import Follow, Fresh, Get, ask
from aem_checks.check import Check, CheckSettings
from aem_checks.codes import faults
from aem_checks.excuses import NAMES, Excuses
from aem_checks.outcomes import Finding, Judgement, Outcome, Severity
from aem_checks.reach import describe, unreached
from aem_checks.sites import PagePath
from aem_checks.text import quoted
from aem_checks.urls import fault_of, host_of, join, plain_url

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

    from aem_checks.asks import Steps
    from aem_checks.response import Response
    from aem_checks.visit import Visit

CSRF_PATH = "/libs/granite/csrf/token.json"
MARKER = "{marker}"
_BUTTONS = "button:not([type]), button[type=submit], input[type=submit], input[type=image]"
_RULES = ("required", "aria-required", "data-cmp-required-message", "data-required")
_FIELD = "input[name], textarea[name], select[name]"
_ERRORS = Excuses(
    lambda statuses, _: any(each >= 500 for each in statuses),
    "a status of 500 or more",
    lambda statuses, _: any(each >= 400 for each in statuses),
)
"""Statuses by which a server says that it did not take what was sent."""


class Submit(BaseModel):
    """What is sent, and what a good answer is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    values: dict[str, str] = Field(min_length=1)
    """Values by field; ``{marker}`` in them becomes a word of this one run, to find it by."""
    status: Annotated[tuple[int, ...], _ERRORS] = (200, 201, 202, 204, 302, 303)
    """Which statuses are good."""
    contains: str = ""
    """Words that the answer, after one redirect, has to contain."""


class Form(BaseModel):
    """One form; in a gate file a mapping, or just the path of its page."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    page: PagePath
    """The page that shows it."""
    form: str = "form"
    """CSS selector of the form on that page; the first ``<form>`` that it selects is looked at."""
    fields: tuple[str, ...] = ()
    """Names of fields that it has."""
    required: tuple[str, ...] = ()
    """Names of fields that a browser refuses to leave empty."""
    target: Annotated[str, NAMES] = ""
    """Host that it may send to, where that is not the site: ``forms.example.com``."""
    submit: Submit | None = None
    """Send it once, on stage only; never, where absent."""

    @model_validator(mode="before")
    @classmethod
    def _from_page(cls, value: Any) -> Any:
        return {"page": value} if isinstance(value, str) else value


class FormsSettings(CheckSettings):
    forms: tuple[Form, ...] = Field(min_length=1)
    """The forms."""


class Lack(NamedTuple):
    code: str
    what: str
    expected: str
    actual: str
    remedy: str


class Forms(Check[FormsSettings]):
    kind = "forms"
    number = "G4"
    title = "Forms can be filled in and sent"
    severity = Severity.WARN
    targets = frozenset({"stage", "production"})
    default_on = False
    needs = "the pages of its forms, with the fields that matter"
    codes = faults(
        page="the page of a form does not answer",
        no_form="a page lacks its form",
        field="a form lacks a field",
        rule="a field may be left empty that has to be filled in",
        button="a form has no button to send it",
        target="a form sends to a host that it should not send to",
        csrf="AEM's token against forged requests can't be had",
        sent="a note: a form was sent",
        not_sent="a form could not be sent to its target",
        submit_status="a form that was sent gets a bad status",
        submit_answer="the answer to a form that was sent lacks its words",
    )
    settings_type = FormsSettings

    def judge(self, visit: Visit) -> Steps[Judgement]:
        findings: list[Finding] = []
        examined = 0
        for form in self.settings.forms:
            look = _Look(form, visit)
            findings += yield from look.findings()
            examined += look.saw_page
        return Judgement(examined=examined, findings=tuple(findings))


class _Look:
    """One form on one target."""

    def __init__(self, form: Form, visit: Visit) -> None:
        self._form, self._visit = form, visit
        self._url = visit.url(form.page)
        self.saw_page = False

    def findings(self) -> Steps[list[Finding]]:
        page = (yield from ask(Follow(self._url, tries=3, past_caches=True)))[-1]
        if refusal := unreached(page, self._url):
            return [refusal]
        self.saw_page = True
        if not (page.ok and page.is_html):
            lack = Lack("page", "page", "a page with a form", describe(page), "see key_pages")
            return [self._finding(lack, page)]
        node = next((each for each in page.document.css(self._form.form) if each.tag == "form"), None)
        if node is None:
            lack = Lack(
                "no_form", "form", f"a form {quoted(self._form.form)}", "no such form",
                "see whether its component, policy and experience fragment are there, and whether 'form:' selects "
                "the <form> itself",
            )  # fmt: skip
            return [self._finding(lack, page)]
        lacks = [*_lacks(node, self._form), *self._target(node, page)]
        findings = [self._finding(lack, page) for lack in lacks]
        url, hidden = _action(node, page), _hidden(node)
        token = yield from self._token(node)
        if isinstance(token, Finding):
            findings.append(token)
        elif self._form.submit is not None and self._visit.target == "stage" and not lacks:
            findings += yield from self._send(url, hidden, page, token, self._form.submit)
        return findings

    def _target(self, node: LexborNode, page: Response) -> Iterator[Lack]:
        host = host_of(_action(node, page))
        own = self._visit.endpoint.hosts
        if host not in own and (not host or host != self._form.target):
            allowed = " or ".join([*sorted(own), *([self._form.target] if self._form.target else [])])
            url = _action(node, page)
            said = (
                f"the target {quoted(url, 200)}, which {fault}"
                if (fault := fault_of(url))
                else f"a target on {quoted(host)}"
            )
            yield Lack("target", "target", f"a target on {allowed}", said,
                       "correct the form's action, or name its host under 'target:'")  # fmt: skip

    def _token(self, node: LexborNode) -> Steps[str | Finding]:
        """AEM's CSRF token for a form that posts to this site; empty for an anonymous visitor."""
        if not _is_post(node) or host_of(_action_of(node, self._url)) not in self._visit.endpoint.hosts:
            return ""
        answer = yield from ask(Get(self._visit.url(CSRF_PATH), tries=3))
        if refusal := unreached(answer, CSRF_PATH):
            return refusal
        if answer.status != 200 or not answer.is_json:
            lack = Lack("csrf", "token", "the CSRF token as JSON", f"{describe(answer)} from {CSRF_PATH}",
                        "let the dispatcher's filters pass it; logged-in visitors cannot send the form")  # fmt: skip
            return self._finding(lack, answer)
        return _token_in(answer)

    def _send(
        self, url: str, hidden: dict[str, str], page: Response, token: str, submit: Submit
    ) -> Steps[list[Finding]]:
        word = yield from ask(Fresh())
        marker = f"stage-gate-{word[:8]}"
        values = {**hidden, **{k: v.replace(MARKER, marker) for k, v in submit.values.items()}}
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Referer": self._url,
                   **({"CSRF-Token": token} if token else {})}  # fmt: skip
        if not self._visit.allows(url):
            lack = Lack("not_sent", "submit", "a target that may be contacted", f"the host {quoted(host_of(url))}",
                        "send only to hosts of the site")  # fmt: skip
            return [self._finding(lack, page).model_copy(update={"outcome": Outcome.INCONCLUSIVE})]
        answer = yield from ask(Get(url, method="POST", headers=headers, body=urlencode(values).encode()))
        sent = Finding(code="sent", subject=f"{self._form.page} submit", outcome=Outcome.PASSED,
                       sentence=f"{self._url}: the form was sent once with the marker {marker}.")  # fmt: skip
        return [sent, *(yield from self._judge_answer(answer, submit))]

    def _judge_answer(self, answer: Response, submit: Submit) -> Steps[list[Finding]]:
        if (refusal := unreached(answer, answer.url)) is not None and answer.status not in submit.status:
            return [refusal]
        shown = answer
        if answer.location is not None and self._visit.allows(answer.location):
            shown = yield from ask(Get(answer.location))
        wanted = " or ".join(str(each) for each in submit.status)
        if answer.status not in submit.status:
            remedy = "read the publish error log"
            lack = Lack("submit_status", "submit", f"status {wanted}", describe(answer), remedy)
        elif submit.contains and submit.contains not in shown.text:
            expected = f"an answer with {quoted(submit.contains)}"
            lack = Lack("submit_answer", "submit", expected, describe(shown), "see the evidence")
        else:
            return []
        return [self._finding(lack, shown)]

    def _finding(self, lack: Lack, response: Response) -> Finding:
        name = f"forms/{response.sha256[:16]}.txt"
        evidence = self._visit.keep(name, response.body[:1_000_000]) if response.body else ""
        return Finding(
            code=lack.code,
            subject=f"{self._form.page} {lack.what}",
            sentence=f"{self._url}: the form {quoted(self._form.form, 60)} has {lack.actual}; expected "
            f"{lack.expected}. To do: {lack.remedy}.",
            expected=lack.expected,
            actual=lack.actual,
            evidence=evidence,
        )


def _lacks(node: LexborNode, form: Form) -> Iterator[Lack]:
    fields = {each.attributes.get("name") or "": each for each in node.css(_FIELD)}
    for name in dict.fromkeys((*form.fields, *form.required, *(form.submit.values if form.submit else ()))):
        if name not in fields:
            known = ", ".join(sorted(fields)[:10]) or "none"
            yield Lack("field", f"field {name}", f"a field {quoted(name)}", f"only the fields {quoted(known, 200)}",
                       "see which of its components is missing on the page")  # fmt: skip
    for name in form.required:
        if name in fields and not any(rule in fields[name].attributes for rule in _RULES):
            yield Lack("rule", f"rule {name}", f"{quoted(name)} to be required", f"no such rule on {quoted(name)}",
                       "see the field's constraints in its dialog")  # fmt: skip
    if node.css_first(_BUTTONS) is None and not _outside_button(node):
        remedy = "see whether the button component is on the page"
        yield Lack("button", "button", "a button to send it", "none", remedy)


def _outside_button(node: LexborNode) -> bool:
    """A button elsewhere on the page that names the form by its id."""
    name, root = node.attributes.get("id"), node
    if not name:
        return False
    while root.parent is not None:
        root = root.parent
    return any(each.attributes.get("form") == name for each in root.css("button[form], input[form]"))


def _action(node: LexborNode, page: Response) -> str:
    return _action_of(node, plain_url(page.url))


def _action_of(node: LexborNode, base: str) -> str:
    return join(base, (node.attributes.get("action") or "").strip() or base)


def _is_post(node: LexborNode) -> bool:
    return (node.attributes.get("method") or "get").lower() == "post"


def _hidden(node: LexborNode) -> dict[str, str]:
    return {
        each.attributes.get("name") or "": each.attributes.get("value") or ""
        for each in node.css("input[type=hidden][name]")
    }


def _token_in(answer: Response) -> str:
    import json

    try:
        value = json.loads(answer.body)
    except (ValueError, RecursionError):
        return ""
    token = value.get("token") if isinstance(value, dict) else None
    return token if isinstance(token, str) and token.isprintable() and token.isascii() else ""
