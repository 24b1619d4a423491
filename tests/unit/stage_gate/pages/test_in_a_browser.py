"""What a real browser makes of the three pages: nothing runs, nothing is fetched, everybody can read them, on a phone too."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest

from aem_checks.outcomes import Outcome, Severity
from stage_gate.evidence.kept_decisions import asked_at
from stage_gate.evidence.ledger import write_entry
from stage_gate.evidence.store import Evidence
from stage_gate.pages.pinned_gate import gate_pinned_in
from stage_gate.pages.release import page_of
from stage_gate.pages.tickets import Ticket
from stage_gate.rules.decision import Decision
from stage_gate.telling.addresses import Addresses
from stage_gate.telling.gate_page import read_gate_page, render_gate
from stage_gate.telling.glance import Memory
from stage_gate.telling.releases_page import Known, read_lines, render_releases
from unit.stage_gate.hostile import HOSTILE
from unit.stage_gate.kept_releases import READER
from unit.stage_gate.release import KEYS
from unit.stage_gate.samples import NOW, finding, result
from unit.stage_gate.told_releases import release
from unit.stage_gate.waiting import PATIENCE

pytestmark = pytest.mark.browser
FRAMED, OPEN = Addresses("", framed=True), Addresses("")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Each page with all that it can have, of hostile texts."""
    store = tmp_path_factory.mktemp("evidence")
    texts = [f"{each} To do: {each} {'x' * 300}" for each in HOSTILE.values()]
    found = tuple(
        finding(each, subject=f"/{number}.html {each}", code="") for number, each in enumerate(texts)
    )
    checks = (
        result("key_pages", Outcome.FAILED, findings=found),
        result("real_404", Outcome.INCONCLUSIVE),
        result("robots", Outcome.FAILED, severity=Severity.WARN, findings=found[:1], flaky=True),
        result("structure"),
    )
    for execution, decision in (("2000001", Decision.APPROVED), ("2000002", Decision.HELD)):
        results = checks if decision is Decision.HELD else (result("key_pages"), result("structure"))
        sealed = release(store, execution, decision, results=results, artifacts_version=texts[0])
        write_entry(Evidence(store, "wknd", execution, KEYS), sealed)
    evidence = Evidence(store, "wknd", "2000002", KEYS)
    asked_at(evidence, f"ask_release_manager-{sealed.digest[:20]}", NOW)
    memory, gate = Memory(), gate_pinned_in(evidence.read_pin(), store)
    known = [
        Known("wknd", ("guard", texts[0])),
        Known("broken", guards=False, trouble=texts[1], trouble_dag="x"),
    ]
    return {
        "releases": render_releases(
            read_lines(known, store, READER, memory, NOW), OPEN, NOW, action="/releases"
        ),
        "gate": render_gate(read_gate_page(store, "wknd", gate, READER, memory), FRAMED, NOW),
        "release": page_of(Ticket("wknd", "2000002"), lambda: store, lambda: READER, lambda: store, FRAMED),
    }


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = shutil.which("chromium")
        yield playwright.chromium.launch(
            executable_path=found, args=["--no-sandbox"], timeout=PATIENCE * 1000
        )


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["releases", "gate", "release"])
def test_it_is_readable_and_reaches_out_to_nobody(
    pages: dict[str, str], browser: Any, name: str, scheme: str, width: int
) -> None:
    context = browser.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 800}, bypass_csp=True
    )
    asked: list[str] = []
    context.route("**/*", lambda route: (asked.append(route.request.url), route.abort()))
    page = context.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    page.set_content(pages[name])
    assert page.evaluate("document.documentElement.scrollWidth") <= width, "nothing sticks out"
    page.evaluate((files("aem_checks.browser") / "axe_core" / "axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    grave = [
        f"{each['id']}: {node['html'][:200]}"
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"][:3]
    ]
    assert grave == []
    assert page.locator("script, iframe, object, embed").count() == 0
    assert asked == []
    context.close()
