"""Do events come from Adobe's own addresses, unless the deployment says otherwise?"""

from __future__ import annotations

import pytest

from adobe_cloud_manager.exceptions import InvalidRequest
from adobe_cloud_manager.provider import get_provider_info
from adobe_cloud_manager.settings import (
    EVENT_KEYS_URL,
    EVENT_VALIDATION_URL,
    EVENTS_URL,
    SECTION,
    Settings,
    page_url,
)

DEFAULTS = {
    "events_url": EVENTS_URL,
    "event_keys_url": EVENT_KEYS_URL,
    "event_validation_url": EVENT_VALIDATION_URL,
}
PREFIX = f"AIRFLOW__{SECTION.upper()}__"


@pytest.mark.parametrize("option", DEFAULTS)
def test_the_defaults_are_adobes_and_documented(option: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PREFIX + option.upper(), raising=False)
    assert getattr(Settings.load(), option) == DEFAULTS[option]
    documented = get_provider_info()["config"][SECTION]["options"][option]
    assert documented["default"] == DEFAULTS[option]


@pytest.mark.parametrize("option", DEFAULTS)
def test_unencrypted_addresses_are_for_this_machine_only(
    option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = "/validate" if option == "event_validation_url" else ""
    monkeypatch.setenv(PREFIX + option.upper(), f"http://127.0.0.1:8080{path}")
    assert getattr(Settings.load(), option) == f"http://127.0.0.1:8080{path}"
    monkeypatch.setenv(PREFIX + option.upper(), f"http://events.adobe.io{path}")
    with pytest.raises(InvalidRequest, match=option):
        Settings.load()


@pytest.mark.parametrize(
    "url",
    [
        "https://csm.adobe.io",
        "https://csm.adobe.io/",
        "https://user@csm.adobe.io/validate",
        "https://csm.adobe.io/validate?x=1",
        "https://csm.adobe.io/validate#x",
        "https://csm.adobe.io:x/validate",
        "ftp://127.0.0.1/validate",
        "/csm/registrations/validate",
        "",
    ],
)
def test_a_validation_address_has_a_path_and_nothing_else(url: str) -> None:
    with pytest.raises(InvalidRequest, match="event_validation_url"):
        page_url("event_validation_url", url)
