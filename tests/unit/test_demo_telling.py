"""What the demo says at its end fits a terminal and leads on by addresses."""

from __future__ import annotations

from demo.releases import EXPECTED, Result
from demo.telling import WIDTH, table


def result(number: int, **changes: object) -> Result:
    expected = EXPECTED[number]
    values: dict[str, object] = {
        "expected": expected,
        "execution_id": f"{2345678 + number}",
        "verdict": expected.verdict,
        "reasons": tuple(
            f"key_pages: http://127.0.0.1:40001/us/en/{n}.html answered {'x' * 90} 404." for n in range(5)
        ),
        "decision": expected.decision,
        "sentence": "Cloud Manager acknowledged the request. " * 5,
        "run_state": "success",
        "acts": expected.acts,
        "seconds": 1234.5,
    }
    return Result(**{**values, **changes})  # type: ignore[arg-type]


def test_no_line_is_wider_than_a_terminal() -> None:
    told = table([result(0), result(1), result(2)], "http://127.0.0.1:28080")
    assert max(map(len, told.splitlines())) <= WIDTH


def test_each_release_leads_to_its_page_and_no_path_of_a_file_is_shown() -> None:
    told = table([result(0)], "http://127.0.0.1:28080")
    assert "http://127.0.0.1:28080/stage-gate/evidence/run/stage_gate.larkfell/execution-2345678" in told
    assert "report.html" not in told
    assert "more on its page: 2 reasons" in told


def test_checks_that_had_no_chromium_are_named_with_what_to_do() -> None:
    told = table([result(0, silent=("visual", "page_errors"))], "http://127.0.0.1:28080")
    assert "2 checks had no answer (page_errors, visual). To do: make setup installs one." in " ".join(
        told.split()
    )
