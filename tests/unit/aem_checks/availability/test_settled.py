"""Does A1 wait for the new build on every node, and say what it could not verify?"""

from __future__ import annotations

from datetime import timedelta

import pytest

from aem_checks import asking
from aem_checks.kinds.availability.settled import Settled, SettledSettings
from aem_checks.outcomes import Cause, Outcome
from simulator.aem.clock import Clock
from unit.aem_checks.page_site import page, run_on, status

NEW, OLD = "abcdef0123456789abcdef0123456789abcdef01", "0123456789abcdef0123456789abcdef01234567"
HEADER = {"path": "/", "header": "X-Build", "pattern": "(.+)"}


@pytest.fixture(autouse=True)
def _no_time_is_spent():
    with Clock().rules(asking):
        yield


def _settled(**settings) -> Settled:
    given = {"answers": 4, "every": timedelta(0), "within": timedelta(minutes=2), **settings}
    return Settled(SettledSettings.model_validate(given))


def _impatient(**settings) -> Settled:
    return _settled(every=timedelta(seconds=10), within=timedelta(minutes=2), **settings)


def _builds(*served):
    """Answers of nodes with these builds one after the other, then of the last for ever."""
    left = list(served)

    def answer(request):
        return page(headers={"X-Build": left.pop(0) if len(left) > 1 else left[0]})(request)

    return {"/": answer}


def test_without_a_build_marker_it_says_that_the_build_is_not_verified(tmp_path):
    result = run_on({}, _settled(), tmp_path)
    assert result.outcome is Outcome.PASSED
    assert "served build not verified" in result.sentences[0]
    assert result.examined == 4


def test_an_old_node_starts_the_count_again(tmp_path):
    answers = _builds(OLD, NEW, NEW, NEW, NEW, OLD, NEW, NEW, NEW, NEW)
    result = run_on(answers, _settled(), tmp_path, build_marker=HEADER, facts={"commit_id": NEW})
    # the recording takes the first answer; then new x4 are enough
    assert result.outcome is Outcome.PASSED
    answers = _builds(NEW, NEW, OLD, NEW, NEW, OLD, NEW)
    result = run_on(answers, _settled(), tmp_path, build_marker=HEADER, facts={"commit_id": NEW})
    assert (result.outcome, result.examined) == (Outcome.PASSED, 9)
    assert f"all of build '{NEW}'" in result.sentences[0]


def test_every_answer_is_asked_past_the_caches(tmp_path):
    seen = []

    def answer(request):
        seen.append(request.path_qs)
        return page()(request)

    run_on({"/": answer}, _settled(), tmp_path)
    assert len(set(seen)) == len(seen) == 5


@pytest.mark.parametrize(
    ("served", "words"), [(OLD, f"came from build '{OLD}', not from '{NEW}'"), ("abcdef", "came from build")]
)
def test_an_old_build_that_stays_is_inconclusive(tmp_path, served, words):
    result = run_on(_builds(served), _impatient(), tmp_path, build_marker=HEADER, facts={"commit_id": NEW})
    assert (result.outcome, result.cause) == (Outcome.INCONCLUSIVE, Cause.PRODUCT)
    assert words in result.sentences[0]


def test_a_short_commit_is_enough_from_seven_characters(tmp_path):
    result = run_on(_builds(NEW[:7]), _settled(), tmp_path, build_marker=HEADER, facts={"commit_id": NEW})
    assert result.outcome is Outcome.PASSED


def test_the_marker_is_also_read_from_a_meta_element_and_from_the_body(tmp_path):
    answers = {"/": page("build=1.2.3;", head='<meta name="build" content="v 1.2.3">')}
    for marker in (
        {"meta": "build", "pattern": "v (.+)", "equals": "artifacts_version"},
        {"pattern": "build=([^;]+);", "equals": "artifacts_version"},
    ):
        result = run_on(
            answers, _settled(), tmp_path, build_marker=marker, facts={"artifacts_version": "1.2.3"}
        )
        assert result.outcome is Outcome.PASSED
        assert "not verified" not in result.sentences[0]


@pytest.mark.parametrize("facts", [{}, {"commit_id": None}, {"commit_id": "", "artifacts_version": "1.2.3"}])
def test_a_marker_that_has_nothing_to_be_compared_with_proves_nothing(tmp_path, facts):
    result = run_on(_builds(OLD), _settled(), tmp_path, build_marker=HEADER, facts=facts)
    assert (result.outcome, result.cause) == (Outcome.INCONCLUSIVE, Cause.CLOUD_MANAGER)
    assert "The commit of the release is not known here" in result.sentences[0]


def test_answers_without_the_marker_do_not_count(tmp_path):
    result = run_on({}, _impatient(), tmp_path, build_marker=HEADER, facts={"commit_id": NEW})
    assert result.outcome is Outcome.INCONCLUSIVE
    assert "no build marker" in result.sentences[0]


def test_a_blocked_gate_is_told_from_a_broken_stage(tmp_path):
    blocked = run_on({}, _impatient(), tmp_path, everything=status(405))
    assert (blocked.outcome, blocked.cause) == (Outcome.INCONCLUSIVE, Cause.NETWORK)
    assert "IP allow list" in blocked.sentences[0]
    broken = run_on({}, _impatient(), tmp_path, everything=status(503))
    assert (broken.outcome, broken.cause) == (Outcome.INCONCLUSIVE, Cause.PRODUCT)
    assert "status 503" in broken.sentences[0]


def test_the_answers_are_kept_as_evidence(tmp_path):
    result = run_on({}, _settled(), tmp_path)
    assert '"past all caches"' in (tmp_path / result.findings[0].evidence).read_text()
