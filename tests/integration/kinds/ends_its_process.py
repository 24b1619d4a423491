"""A team's check that takes its whole process with it: killed as by the kernel, or left with exit code 0."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Literal

from aem_checks.check import Check, CheckSettings

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.outcomes import Judgement
    from aem_checks.visit import Visit


class _Settings(CheckSettings):
    how: Literal["killed", "exit 0"]


class EndsItsProcess(Check[_Settings]):
    kind = "ends_its_process"
    number = "T2"
    title = "Ends its process"
    default_on = False
    settings_type = _Settings

    def judge(self, visit: Visit) -> Steps[Judgement]:
        if self.settings.how == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        os._exit(0)
