"""G4 against small sites: what a form lacks, and what is sent when a gate file says so."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from aiohttp import web

from aem_checks.kinds.services.forms import Forms, FormsSettings
from aem_checks.outcomes import CheckResult, Outcome
from unit.aem_checks.page_site import Answer, PageSite, check_page_site, page, status, text
from unit.aem_checks.small_site import JSON, SmallSite, bad, outcome, visit

TOKEN = "/libs/granite/csrf/token.json"
FORM = (
    '<form id=contact method=post action="/contact"><input type=hidden name=":formstart" value="x">'
    "<input name=mail type=email required><textarea name=message></textarea><button>Send</button></form>"
)
WANTED = {"page": "/", "form": "#contact", "fields": ["mail", "message"], "required": ["mail"]}


def check(**form: Any) -> Forms:
    return Forms(FormsSettings.model_validate({"forms": [{**WANTED, **form}]}))


def judge(folder: Path, markup: str, token: Any = (200, "{}", JSON), **form: Any) -> str:
    judgement = visit(check(**form), folder, {"/": (200, markup), TOKEN: token})
    return f"{outcome(check(**form), judgement)}: {' '.join(each.sentence for each in bad(judgement))}"


def test_a_whole_form_passes_and_nothing_is_sent(tmp_path: Path) -> None:
    site = SmallSite({"/": (200, FORM), TOKEN: (200, "{}", JSON)})
    judgement = visit(check(), tmp_path, site)
    assert (outcome(check(), judgement), judgement.examined) == ("warn passed", 1)
    assert len(site.paths) == 2


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("id=contact", "id=other", "no such form"),
        ("name=mail", "name=post", "expected a field 'mail'"),
        (" required", "", "expected 'mail' to be required"),
        ("<button>Send</button>", "", "expected a button"),
        ("<button>Send", "<button type=button>Send", "expected a button"),
        ('action="/contact"', 'action="https://forms.example/x"', "a target on 'forms.example'"),
        ('action="/contact"', 'action="https://$[env:X]/x"', "which names the host $[env:X]"),
    ],
)
def test_what_a_form_lacks_is_said(tmp_path: Path, old: str, new: str, words: str) -> None:
    said = judge(tmp_path, FORM.replace(old, new))
    assert said.startswith("warn failed product: ")
    assert words in said


@pytest.mark.parametrize("form", ["*", "body", ":has(input)", "#around"])
def test_what_is_no_form_is_taken_for_none(tmp_path: Path, form: str) -> None:
    searching = "<div id=around><input name=mail required><input name=message><button>Search</button></div>"
    said = judge(tmp_path, f"<html><body>{searching}</body></html>", form=form)
    assert said.startswith("warn failed product: ")
    assert "no such form" in said
    assert "whether 'form:' selects the <form> itself" in said


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ((404, "no"), "warn failed product"),
        ((200, "<html>"), "warn failed product"),
        ((403, ""), "warn inconclusive network"),
    ],
)
def test_a_form_that_posts_to_aem_needs_the_token(tmp_path: Path, token: Any, expected: str) -> None:
    assert judge(tmp_path, FORM, token).startswith(expected)


def test_a_form_with_get_or_another_target_needs_no_token(tmp_path: Path) -> None:
    shut = (404, "no")
    assert judge(tmp_path, FORM.replace("method=post", "method=get"), shut).startswith("warn passed")
    elsewhere = FORM.replace('action="/contact"', 'action="https://forms.example/x"')
    assert judge(tmp_path, elsewhere, shut, target="forms.example").startswith("warn passed")


def test_a_button_elsewhere_may_name_the_form(tmp_path: Path) -> None:
    moved = FORM.replace("<button>Send</button>", "") + '<button form="contact">Send</button>'
    assert judge(tmp_path, moved).startswith("warn passed")


@pytest.mark.parametrize("answer", [(503, ""), (404, "")])
def test_a_page_that_is_none_fails(tmp_path: Path, answer: Any) -> None:
    assert outcome(check(), visit(check(), tmp_path, {"/": answer})) == "warn failed product"


SUBMIT = {"values": {"mail": "{marker}@example.com", "message": "hello"}, "contains": "Thank you"}


def send(
    folder: Path, answers: dict[str, Answer], *, submit: dict[str, Any] = SUBMIT, markup: str = FORM
) -> tuple[CheckResult, list[tuple[web.BaseRequest, bytes]]]:
    async def run() -> tuple[CheckResult, list[tuple[web.BaseRequest, bytes]]]:
        posted: list[tuple[web.BaseRequest, bytes]] = []

        async def contact(request: web.BaseRequest) -> web.Response:
            posted.append((request, await request.read()))
            return web.Response(status=303, headers={"Location": "/thanks"})

        usual = {"/": page(markup), TOKEN: text('{"token": "abc.def"}', "application/json"), "/contact": contact,
                 "/thanks": page("Thank you")}  # fmt: skip
        async with PageSite({**usual, **answers}) as site:
            return await check_page_site(site, check(submit=submit), folder), posted

    return asyncio.run(run())


def test_a_form_is_sent_once_with_marker_token_and_hidden_fields(tmp_path: Path) -> None:
    result, posted = send(tmp_path, {})
    assert result.outcome is Outcome.PASSED, result.sentences
    ((request, body),) = posted
    sent = parse_qs(body.decode())
    assert sent[":formstart"] == ["x"]
    assert sent["mail"][0].startswith("stage-gate-")
    assert sent["mail"][0].removesuffix("@example.com") in " ".join(result.sentences)
    assert request.headers["CSRF-Token"] == "abc.def"
    assert request.headers["Referer"].endswith("/")


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({"/contact": status(500)}, "failed"),
        ({"/thanks": page("Sorry")}, "failed"),
        ({"/contact": status(403)}, "inconclusive"),
    ],
)
def test_what_a_sent_form_is_answered_counts(
    tmp_path: Path, answers: dict[str, Answer], expected: str
) -> None:
    result, _ = send(tmp_path, answers)
    assert result.outcome == expected


def test_a_form_that_lacks_something_or_leads_elsewhere_is_not_sent(tmp_path: Path) -> None:
    for markup in (FORM.replace(" required", ""), FORM.replace("/contact", "https://forms.example/x")):
        result, posted = send(tmp_path, {}, markup=markup)
        assert (result.outcome, posted) == (Outcome.FAILED, [])
