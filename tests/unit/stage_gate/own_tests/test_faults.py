"""Whatever dies or fails to be written at whichever step: is there one result at the end, and never a better one?"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from aem_checks.outcomes import Outcome
from simulator import Simulator
from stage_gate.evidence import exclusive, files
from stage_gate.evidence.files import EvidenceError
from stage_gate.tasks.red import Red
from unit.stage_gate.own_tests.trying import GREEN, RED, Trying
from unit.stage_gate.tasks.test_waits import signing

__all__ = ["signing"]
STEPS = 8
"""More than there are writes in a run with a re-run."""


class Died(BaseException):
    """The worker is gone."""


class Store:
    """Lets the one write fail that is due."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left: int | None = None
        self.error: BaseException = Died()
        for module, name in ((files, "_write"), (exclusive, "_create_on_disk")):
            monkeypatch.setattr(module, name, self._failing(getattr(module, name)))

    def fail(self, step: int, error: BaseException) -> None:
        self.left, self.error = step, error

    def _failing(self, write: Callable[..., Any]) -> Callable[..., Any]:
        def do(path: Path, *content: Any) -> Any:
            if self.left is not None:
                self.left -= 1
                if self.left == 0:
                    self.left = None
                    raise self.error
            return write(path, *content)

        return do


@pytest.mark.parametrize("error", [Died(), OSError(28, "No space left on device")], ids=["died", "full"])
@pytest.mark.parametrize("step", range(1, STEPS + 1))
@pytest.mark.parametrize(
    ("reports", "outcome"),
    [((GREEN,), Outcome.PASSED), ((RED,), Outcome.FAILED), ((), Outcome.INCONCLUSIVE)],
    ids=["green", "red", "none"],
)
def test_after_a_fault_another_try_ends_with_the_one_result_that_is_due(
    simulator: Simulator,
    tmp_path: Path,
    signing: None,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    step: int,
    reports: tuple[str, ...],
    outcome: Outcome,
) -> None:
    folder = tmp_path / "reports"
    tried = Trying(simulator, tmp_path, reports=f"{folder}/*.xml")
    store = Store(monkeypatch)

    def does() -> None:
        folder.mkdir(exist_ok=True)
        for text in reports:
            (folder / "shop.xml").unlink(missing_ok=True)
            (folder / "shop.xml").write_text(text)

    store.fail(step, error)
    for number in (1, 2, 3):
        tried.tries = (number, 2)
        with suppress(
            Died, Red, OSError, EvidenceError
        ):  # Airflow answers what is no result with another try
            tried.run(does)
        assert {each.outcome for each in tried.results} <= {outcome}
    assert tried.result.outcome is outcome
