"""Does N2 see what a page does before anybody agreed?"""

from __future__ import annotations

from pathlib import Path

import pytest

from aem_checks.kinds.browser.consent import Consent, ConsentSettings
from unit.aem_checks.browser.browser_house import House, bad, environment, outcome
from unit.aem_checks.page_site import page

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
ASKING = {"banner": "#ask", "choose": "#no"}
BANNER = '<div id=ask>Cookies? <button id=no onclick="{}; this.parentNode.hidden = true">No</button></div>'
REMEMBERS = "<script>ask.hidden = document.cookie.includes('choice')</script>"


def check(**settings: object) -> Consent:
    return Consent(ConsentSettings.model_validate(settings))


@pytest.mark.parametrize(
    ("defect", "subject"),
    [
        ("cookie_before_consent", "cookie _visitor"),
        ("tracker_before_consent", "host tracker.larkfell.example"),
    ],
)
def test_what_a_page_does_before_consent_is_seen(
    browsing: House, tmp_path: Path, defect: str, subject: str
) -> None:
    broken = environment("stage", "build-1", defect)
    result = browsing.check(check(), tmp_path, broken)
    assert outcome(result) == "warn failed"
    assert [finding.subject for finding in bad(result)] == [subject]
    allowing = check(essential=["_vis.*"], hosts=["tracker.larkfell.example"])
    assert bad(browsing.check(allowing, tmp_path, broken)) == []


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (BANNER.format("document.cookie='choice=no'") + REMEMBERS, ""),
        (BANNER.format("0"), "forgets what was answered"),
        ("<p>no banner</p>", "does not ask for consent"),
        ("<div id=ask>Cookies?</div>", "could not be clicked"),
    ],
)
def test_a_banner_asks_once(browsing: House, tmp_path: Path, body: str, says: str) -> None:
    result = browsing.check(check(**ASKING), tmp_path, {"/": page(body)}, pages=("/",))
    assert [says in finding.sentence for finding in bad(result)] == ([True] if says else [])


def test_a_button_without_a_banner_is_refused_in_the_gate_file() -> None:
    with pytest.raises(ValueError, match="name the banner too"):
        ConsentSettings(choose="#no")
