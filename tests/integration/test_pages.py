"""The three pages in a real Airflow and a real browser: found in its menu and tabs, for those who may see them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from integration.cases import plays
from integration.play import PATIENCE, Run
from integration.test_releases import a_broken_release

pytestmark = pytest.mark.browser


@pytest.fixture
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = shutil.which("chromium")
        yield playwright.chromium.launch(
            executable_path=found, args=["--no-sandbox"], timeout=PATIENCE * 1000
        )


def opened(browser: Any, run: Run, user: str | None = "mallory") -> tuple[Any, list[str]]:
    """A page of somebody who is logged in, and the hosts that it asks."""
    context, house = browser.new_context(), run.play.house
    if user:
        login = {"username": user, "password": house.airflow.passwords[user]}
        answer = requests.post(f"{house.airflow.url}/auth/token", json=login, timeout=PATIENCE)
        context.add_cookies(
            [{"name": "_token", "value": answer.json()["access_token"], "url": house.airflow.url}]
        )
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    page = context.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    return page, asked


@plays(a_broken_release)
def test_from_the_menu_to_why_and_what_to_do_it_is_one_click(run: Run, browser: Any) -> None:
    page, asked = opened(browser, run)
    airflow, dag = run.play.house.airflow.url, run.play.dag_id
    page.goto(airflow)
    page.get_by_role("link", name="Releases").click()
    releases = page.frame_locator("iframe")
    line = releases.locator(f'section.line:has(h3 a:text-is("{run.play.case.slug}"))')
    assert "/us/en/magazine.html" in line.inner_text()
    line.get_by_role("link", name="halted").click()
    releases.get_by_text("What speaks against it").first.wait_for()
    page.goto(f"{airflow}/dags/{dag}/plugin/stage-gate-gate")
    gate = page.frame_locator("iframe")
    gate.get_by_role("heading", name="Check by release").wait_for()
    gate.get_by_role("link", name=run.run_id.removeprefix("execution-")).first.click()
    gate.get_by_text("What speaks against it").first.wait_for()  # a click inside the frame carries the login
    page.goto(f"{airflow}/dags/{dag}/runs/{run.run_id}/plugin/stage-gate-release")
    release = page.frame_locator("iframe")
    release.get_by_text("Halted by Stage Gate").first.wait_for()
    assert not [each for each in asked if not each.startswith((airflow, "data:", "blob:"))]


@plays(a_broken_release)
def test_who_is_not_logged_in_sees_no_gate(run: Run, browser: Any) -> None:
    page, _ = opened(browser, run, None)
    page.goto(f"{run.play.house.airflow.url}/stage-gate/pages/releases")
    assert "You are not logged in." in page.locator("main").inner_text()
    assert run.play.case.slug not in page.content()
