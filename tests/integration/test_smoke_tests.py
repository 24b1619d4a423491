"""What when a person has to try out what no check covers?"""

from __future__ import annotations

import json
import time

from airflow_api import AirflowApiError
from integration.cases import case, plays
from integration.play import BEFORE_ANSWERING, Play, Run

ASK = "smoke_tests.basket[0]"
_SMOKE = {
    "ask": ["admin"],
    "within": "2h",
    "questions": [
        {"name": "basket", "question": "Does the basket take a tent?", "page": "/us/en.html"},
        {"name": "home", "question": "Is the home page there?", "covered_by": ["key_pages"]},
    ],
}


def _answer(play: Play, run_id: str, option: str, user: str | None = None) -> int:
    """Answer as the page does; the HTTP status."""
    client = play.house.client(user) if user else play.airflow
    asked = play.question(run_id, task="smoke_tests.basket")
    form = {"reason": "Put one in.", "seal": asked["params"]["seal"]["value"]}
    try:
        client.answer(play.dag_id, run_id, "smoke_tests.basket", [option], form, map_index=0)
    except AirflowApiError as error:
        return error.status
    return 200


@case(gate={"smoke_tests": _SMOKE}, acts=("approve",))
def a_person_tries_it_out(play: Play) -> Run:
    run_id = play.begin()
    play.until(run_id, ASK, "awaiting_input")
    time.sleep(BEFORE_ANSWERING)
    stranger = _answer(play, run_id, "Broken", user="mallory")
    play.until_taken(run_id, ASK, lambda: _answer(play, run_id, "Works"))
    return play.end(run_id, stranger=stranger)


@plays(a_person_tries_it_out)
def test_a_release_waits_for_the_answer_to_a_smoke_test_and_goes_on_with_it(run: Run) -> None:
    assert run.notes["stranger"] == 403
    assert run.state == "success"
    assert run.acts == ["approve"]
    assert run.verdict["outcome"] == "passed"
    assert any("admin tried out" in each for each in run.verdict["warnings"])
    assert "smoke_tests.home is not asked: key_pages" in run.log("open_smoke_tests")
    kept = json.loads((run.folder / "attempt-1" / "smoke-tests" / "smoke_tests.basket.json").read_text())
    assert kept["signed"]["record"]["by"] == "admin"
    assert kept["signed"]["record"]["reason"] == "Put one in."
