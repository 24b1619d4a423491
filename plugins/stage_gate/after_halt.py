"""What happens next when production was halted? The same sentences in the log, the report and every notification.

Adobe, "Deploy your code": the pipeline and production's variables are locked while a run waits for its approval.
"""

from __future__ import annotations

AFTER_A_HALT = (
    "The execution ends now: the pipeline is free for the fix, and production's variables are no longer locked.",
    "Production was not touched and goes on running the last release.",
    "The code on stage is a throw-away: the next AEM update resets stage to the release that production runs.",
    "Fix forward: repair or revert in git, run the pipeline again, and this gate tests the new execution.",
)
