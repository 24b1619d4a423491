"""Hostile text, everywhere that a site or a suite can put some, and what each place makes of it."""

from __future__ import annotations

import asyncio
import shlex
import sys
from collections.abc import Mapping
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

from aiohttp import web

from aem_checks.baseline import Baseline
from aem_checks.check import Check
from aem_checks.kinds.availability.key_pages import KeyPages
from aem_checks.kinds.rendering.structure import Structure
from aem_checks.kinds.search_engines.head_regression import HeadRegression
from aem_checks.kinds.search_engines.sitemap import Sitemap
from aem_checks.kinds.suites.suites import Suites, SuitesSettings
from aem_checks.means import Means
from aem_checks.outcomes import CheckResult, Finding
from aem_checks.recording import record
from aem_checks.runner import run_check
from unit.aem_checks.page_site import Answer, PageSite, text
from unit.stage_gate.kept_releases import recording_of

HOSTILE: Mapping[str, str] = {
    "script": "<script>alert(1)</script>",
    "attribute": "'\"><img src=x onerror=alert(1)><a href='javascript:alert(1)'>x</a>",
    "template": "{{ conn.x.password }}{% import os %}${jndi:x}",
    "markdown": "```\n# big\n[click](https://evil.example) ![x](//evil.example/x) **b** <!channel> <@U1> | a |",
    "log group": "\n::endgroup::\n::group::all is well\nINFO verdict: passed",
    "control": "\r\nBcc: victim@example.com\r\n\x1b[2J\x1b[31m\x00\x08\u202e\u2028\u2066\x85\ufeff",
}
PLACES = (
    "title",
    "component name",
    "header",
    "Location",
    "sitemap URL",
    "JUnit message",
    "JUnit case",
    "file name",
)


def mark(place: str) -> str:
    """What tells that text of this place arrived; it stands before the hostile part."""
    return f"mark-{place.replace(' ', '-').lower()}-"


class HostileSite:
    """A site and a suite that put one hostile text into every place."""

    def __init__(self, hostile: str, folder: Path) -> None:
        self.hostile = hostile
        self.folder = folder

    def results(self) -> dict[str, CheckResult]:
        """What each check says, as a gate runs it, by its kind."""
        return asyncio.run(self._results())

    async def _results(self) -> dict[str, CheckResult]:
        async with PageSite(self._answers()) as site:
            config = site.config(pages=["/", "/type.html", "/away.html"])
            async with site.client() as client:
                now = await record(config, "stage", client, self.folder / "recording")
                page = replace(recording_of("Gear").pages[0], path="/")
                before = Baseline(
                    "execution 1", self.folder / "none", replace(recording_of("Gear"), pages=(page,))
                )
                visit = Means(config, "stage", client, now, self.folder, baseline=before)
                found = [await run_check(check, visit) for check in self._checks()]
        return {each.kind: each for each in found}

    def _answers(self) -> dict[str, Answer]:
        title, part = (escape(self._text(place)) for place in ("title", "component name"))
        page = (
            f"<!doctype html><html><head><title>{title}</title></head><body><h1>Gear</h1>"
            f'<div data-emptytext="{part}"></div>{"<p>Surfing and climbing.</p>" * 30}</body></html>'
        )
        listed = f"<url><loc>http://{mark('sitemap URL')}evil.example/{self._xml('sitemap URL')}</loc></url>"
        sitemap = f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{listed}</urlset>'
        return {
            "/": text(page, "text/html"),
            "/type.html": self._with("Content-Type", f"text/{self._header('header')}"),
            "/away.html": self._with("Location", f"https://evil.example/{self._header('Location')}", 302),
            "/robots.txt": text(""),
            "/sitemap.xml": text(sitemap, "application/xml"),
        }

    def _with(self, name: str, value: str, status: int = 200) -> Answer:
        return lambda _: web.Response(body=b"hello", status=status, headers={name: value})

    def _text(self, place: str) -> str:
        return mark(place) + self.hostile

    def _header(self, place: str) -> str:
        """As much of it as a header can hold: no client takes an answer with other control characters in one."""
        kept = "".join(char for char in self._text(place) if 32 <= ord(char) < 256 and ord(char) != 127)
        return kept.encode().decode("latin-1")

    def _xml(self, place: str) -> str:
        """As much of it as XML can hold."""
        kept = (c for c in self._text(place) if c in "\t\n" or (ord(c) >= 32 and c not in "\ufffe\uffff"))
        return escape("".join(kept))

    def _checks(self) -> list[Check[Any]]:
        return [
            HeadRegression(HeadRegression.settings_type()),
            Structure(Structure.settings_type()),
            KeyPages(KeyPages.settings_type()),
            Sitemap(Sitemap.settings_type.model_validate({"sample": 0})),
            Suites(self._suite()),
        ]

    def _suite(self) -> SuitesSettings:
        report = (
            f'<testsuite><testcase name="{self._xml("JUnit case")}"><failure message="{self._xml("JUnit message")}"/>'
            "</testcase></testsuite>"
        )
        name = self._text("file name").replace("/", "_").replace("\0", "")
        program = (
            "import os; place = os.environ['REPORTS_PATH']; "
            f"open(os.path.join(place, 'result.xml'), 'w', encoding='utf-8').write({report!r}); "
            f"os.symlink('/etc/passwd', os.path.join(place, {name!r})); "
            f"open(os.path.join(place, {name + '.png'!r}), 'wb').write(b'png')"
        )
        (self.folder / "ui.tests").mkdir(parents=True)
        run = f"{shlex.join([sys.executable, '-I', '-c', program])}; exit 1"
        given = {"name": "cypress", "folder": "ui.tests", "run": run, "within": "5m"}
        return SuitesSettings.model_validate(given, context={"folder": self.folder})


def texts(finding: Finding) -> list[str]:
    """Everything in a finding that may quote the site."""
    return [finding.subject, finding.sentence, finding.expected, finding.actual, finding.evidence]
