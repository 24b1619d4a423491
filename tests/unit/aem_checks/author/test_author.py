"""L and M on a simulated author: what is said without access, without rights, and is everything cleaned up?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from aem_checks import asking
from aem_checks.access import NO_ACCESS, Access
from aem_checks.check import Check
from aem_checks.client import Client
from aem_checks.kinds.author.author_consoles import AuthorConsoles, AuthorConsolesSettings
from aem_checks.kinds.author.authoring import Authoring, AuthoringSettings
from aem_checks.kinds.author.distribution_queues import DistributionQueues, DistributionQueuesSettings
from aem_checks.kinds.author.publish_round_trip import PublishRoundTrip, PublishRoundTripSettings
from aem_checks.means import Means
from aem_checks.outcomes import CheckResult, Outcome
from aem_checks.rate_limit import RateLimit
from aem_checks.runner import run_check
from aem_checks.sites import SiteConfig
from simulator.aem import AemEnvironment
from simulator.aem.clock import Clock
from simulator.aem.desk import TEMPLATES
from unit.simulator.aem_visitor import environment, served

PARENT = "/content/larkfell/us/en"
GOOD = Access({"Authorization": "Bearer good"})


def authoring(**settings: Any) -> Authoring:
    return Authoring(AuthoringSettings(parent=PARENT, templates=TEMPLATES[:1], **settings))


def round_trip(**settings: Any) -> PublishRoundTrip:
    values = {"parent": PARENT, "path": "/us/en", "template": TEMPLATES[0], **settings}
    return PublishRoundTrip(PublishRoundTripSettings(**values))


def consoles() -> AuthorConsoles:
    return AuthorConsoles(AuthorConsolesSettings())


def queues() -> DistributionQueues:
    return DistributionQueues(DistributionQueuesSettings())


def run(
    check: Check[Any],
    aem: AemEnvironment,
    folder: Path,
    *,
    access: Access = GOOD,
    has_author: bool = True,
) -> CheckResult:
    aem.accepts_token = lambda token: token == "good"
    with served(aem.app()) as publish, served(aem.author_app()) as author:
        urls = [f"http://127.0.0.1:{each.port}" for each in (publish, author)]
        aem.set_urls(publish=urls[0], author=urls[1])
        site: dict[str, Any] = {"name": "larkfell", "stage": urls[0], "pages": ["/us/en.html"]}
        if has_author:
            site["author"] = {"url": urls[1], "access": "wanted"}
        config = SiteConfig.model_validate(site)
        return asyncio.run(_visited(check, config, folder, access))


def run_by_clock(check: Check[Any], folder: Path, *defects: str) -> tuple[CheckResult, AemEnvironment]:
    """What the check says where its pauses and the lifetimes in caches are of a clock that nobody waits for."""
    clock = Clock()
    aem = environment("stage", "build-1", *defects, clock=clock, time_scale=1.0)
    with clock.rules(asking):
        return run(check, aem, folder), aem


async def _visited(check: Check[Any], site: SiteConfig, folder: Path, access: Access) -> CheckResult:
    def resolver(name: str) -> Access:
        return access

    async with Client.for_site(
        site, resolver, rate_limit=RateLimit(1000, folder=folder / "rate"), backoff=0.01
    ) as c:
        return await run_check(check, Means(site, "stage", c, None, folder, NO_ACCESS, {}, resolver))


def said(result: CheckResult) -> str:
    return f"{result.severity} {result.outcome} {result.cause or ''}".strip()


ALL = pytest.mark.parametrize("make", [authoring, round_trip, consoles, queues])


@ALL
def test_without_an_author_in_the_gate_file_there_is_no_answer(make: Callable[[], Any], tmp_path: Path):
    result = run(make(), environment(), tmp_path, has_author=False)
    assert (said(result), result.examined) == ("block inconclusive check", 0)
    assert "has no 'author:'" in result.sentences[0]


@ALL
def test_credentials_that_do_not_count_are_no_failure_of_the_release(make: Callable[[], Any], tmp_path: Path):
    result = run(make(), environment(), tmp_path, access=Access({"Authorization": "Bearer expired"}))
    assert said(result) == "block inconclusive network"


@ALL
def test_an_account_without_rights_is_no_failure_of_the_release(make: Callable[[], Any], tmp_path: Path):
    aem = environment()
    aem.author_has_groups = False
    assert said(run(make(), aem, tmp_path)) == "block inconclusive network"


@ALL
def test_nothing_stays_on_a_clean_author(make: Callable[[], Any], tmp_path: Path):
    result, aem = run_by_clock(make(), tmp_path)
    assert result.outcome is Outcome.PASSED, result.sentences
    assert (aem.desk.pages, aem.desk.fragments, aem.desk.published) == ({}, set(), {})


def test_a_page_whose_creation_seemed_to_fail_is_removed_all_the_same(tmp_path: Path):
    aem = environment("stage", "build-1", "template_broken")
    result = run(authoring(), aem, tmp_path)
    assert said(result) == "block failed product"
    assert aem.desk.pages == {}


def test_a_round_trip_that_runs_out_of_time_takes_its_page_with_it(tmp_path: Path):
    aem = environment("stage", "build-1", "publish_lost")
    check = round_trip(every=timedelta(seconds=0.05), within=timedelta(seconds=1))
    result = run(check, aem, tmp_path)
    assert said(result) == "block inconclusive check"
    assert (aem.desk.pages, aem.desk.published) == ({}, {})


def test_a_page_that_stays_on_publish_blocks(tmp_path: Path):
    result, _ = run_by_clock(round_trip(), tmp_path, "unpublish_lost")
    assert said(result) == "block failed product"
    assert "does not show that it goes within 10m" in result.sentences[0]


def test_models_need_a_folder_for_their_fragments():
    with pytest.raises(ValidationError, match="'models' needs 'fragments'"):
        authoring(models=("/conf/larkfell/settings/dam/cfm/models/adventure",))


def test_an_agent_that_author_does_not_know_proves_nothing(tmp_path: Path):
    check = DistributionQueues(DistributionQueuesSettings(agents=("publish", "preview")))
    result = run(check, environment(), tmp_path)
    assert said(result) == "block inconclusive check"
    assert any("agent preview" in each for each in result.sentences)


def test_a_long_queue_only_warns(tmp_path: Path):
    aem = environment("stage", "build-1", "queue_long")
    result = run(queues(), aem, tmp_path)
    assert said(result) == "block passed"
    assert "holds 900 items, more than 500" in result.sentences[0]
