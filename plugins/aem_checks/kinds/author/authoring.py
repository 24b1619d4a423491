"""L2: can an author still create a page from each template, a content fragment from each model, an experience fragment?

Creates each of them below folders of its own, named after the moment, and deletes them again, whatever
happened; what could not be deleted is named. It also asks author's XSS protection whether its rules are in
order, as Adobe's own product tests do (AntiSamy).

It would have caught permissions that vanished with a release, so that nobody could create pages any more
(Adobe KA-22839), and a technical account that lost its group (Adobe KA-27438); that second case is
inconclusive, since it says nothing about the release.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from aem_checks.asks import Fresh, ask
from aem_checks.check import Check, CheckSettings
from aem_checks.codes import faults
from aem_checks.kinds.author import _author
from aem_checks.markup import json_strings
from aem_checks.outcomes import Cause, Finding, Judgement, Outcome, Severity
from aem_checks.sites import PagePath

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.visit import Visit

_XSS = "/libs/cq/xssprotection.json"
_ASSETS = "/api/assets"
_DAM = "/content/dam"


class AuthoringSettings(CheckSettings):
    """What an author has to be able to make, and where this check may make it."""

    parent: PagePath
    """Repository path of the page below which test pages are made, such as ``/content/wknd/us/en``."""
    templates: tuple[PagePath, ...] = Field(min_length=1)
    """Repository paths of the templates, such as ``/conf/wknd/settings/wcm/templates/article-page``."""
    models: tuple[PagePath, ...] = ()
    """Repository paths of content fragment models."""
    fragments: PagePath | None = None
    """Folder below ``/content/dam`` for content fragments; needed with ``models``."""
    experience_fragment: PagePath | None = None
    """Template of experience fragments, where the site uses them."""
    experience_fragments: PagePath | None = None
    """Folder below ``/content/experience-fragments``; needed with ``experience_fragment``."""

    @model_validator(mode="after")
    def _has_a_folder_for_each(self) -> AuthoringSettings:
        if self.models and (self.fragments is None or not self.fragments.startswith(f"{_DAM}/")):
            raise ValueError("'models' needs 'fragments', a folder below /content/dam; add it")
        if self.experience_fragment and self.experience_fragments is None:
            raise ValueError("'experience_fragment' needs 'experience_fragments', its folder; add it")
        return self


@dataclass(frozen=True)
class _Making:
    """One thing to make and how to remove it again."""

    what: str
    make: Callable[[], Steps[None]]
    remove: Callable[[], Steps[None]]


class Authoring(Check[AuthoringSettings]):
    """Creates and deletes."""

    kind = "authoring"
    number = "L2"
    title = "Authors can create pages and fragments"
    after = "cloud_manager_tests"
    default_on = False
    needs = f"{_author.NEEDS}, and a place to create in ('parent' and 'templates')"
    codes = faults(
        **_author.CHANGING,
        xss_protection="the rules of author's XSS protection are not in order",
        xss_not_asked="a note: author's XSS protection can't be asked with these credentials",
    )
    settings_type = AuthoringSettings

    def judge(self, visit: Visit) -> Steps[Judgement]:
        try:
            author = _author.Author(visit)
            findings = yield from _protection(author)
            makings = self._makings(author, _author.stamp((yield from ask(Fresh()))))
            for making in makings:
                findings += yield from _try(making)
        except _author.AuthorRefused as refused:
            return _author.nothing(refused.finding)
        return Judgement(examined=1 + len(makings), findings=tuple(findings))

    def _makings(self, author: _author.Author, stamp: str) -> list[_Making]:
        settings = self.settings
        pages = [(settings.parent, template) for template in settings.templates]
        if settings.experience_fragment and settings.experience_fragments:
            pages.append((settings.experience_fragments, settings.experience_fragment))
        named = [
            _page(author, parent, template, f"{stamp}-{number}")
            for number, (parent, template) in enumerate(pages, start=1)
        ]
        fragments = [
            _fragment(author, settings.fragments or "", model, f"{stamp}-model-{number}")
            for number, model in enumerate(settings.models, start=1)
        ]
        return named + fragments


def _page(author: _author.Author, parent: str, template: str, name: str) -> _Making:
    return _Making(
        f"a page from {template}",
        lambda: author.create_page(parent, name, f"Stage Gate {name}", template),
        lambda: author.delete_page(f"{parent}/{name}"),
    )


def _fragment(author: _author.Author, folder: str, model: str, name: str) -> _Making:
    """Through the Assets HTTP API, whose paths begin below /content/dam."""
    path = f"{_ASSETS}{folder.removeprefix(_DAM)}/{name}"
    properties = {"cq:model": model, "title": f"Stage Gate {name}"}

    def make() -> Steps[None]:
        answer = yield from author.post_json(path, {"properties": properties})
        if not answer.ok:
            raise _author.AuthorRefused(_author.refused("not_created", f"a fragment from {model}", answer))

    def remove() -> Steps[None]:
        answer = yield from author.delete(path)
        if not answer.ok:
            raise _author.AuthorRefused(_author.refused("not_deleted", f"{folder}/{name}", answer))

    return _Making(f"a fragment from {model}", make, remove)


def _try(making: _Making) -> Steps[list[Finding]]:
    """What went wrong; it is removed whatever happened, since an answer that was lost may have made it."""
    refused = None
    try:
        yield from making.make()
    except _author.AuthorRefused as error:
        refused = error.finding.model_copy(update={"subject": making.what})
    finally:
        leftover = yield from _remove(making)
    if refused is not None:
        return [refused]
    return [leftover] if leftover is not None else []


def _remove(making: _Making) -> Steps[Finding | None]:
    """A leftover is a warning: it is nothing of the release."""
    try:
        yield from making.remove()
    except _author.AuthorRefused as error:
        return error.finding.model_copy(update={"severity": Severity.WARN})
    return None


def _protection(author: _author.Author) -> Steps[list[Finding]]:
    answer = yield from author.post(_XSS, {})
    if answer.ok and answer.is_json and any(said.lower() == "ok" for said in json_strings(answer.text)):
        return []
    if answer.status in {401, 403, 404}:
        return [_not_asked(answer.status)]
    return [
        _author.unexpected(
            "xss_protection",
            f"author {_XSS}",
            "JSON that says ok",
            answer,
            todo="see the AntiSamy rules that the release brings (/apps/cq/xssprotection)",
        )
    ]


def _not_asked(status: int) -> Finding:
    return Finding(
        code="xss_not_asked",
        subject=f"author {_XSS}",
        sentence=f"Author's XSS protection can't be asked with these credentials (status {status}); it was not examined.",
        outcome=Outcome.PASSED,
        cause=Cause.CHECK,
    )
