"""Which actions and statuses does Cloud Manager have, and what does each of them mean?

Sources: ``swagger-specs/api.yaml`` and ``receiving-events.md`` in github.com/AdobeDocs/cloudmanager-api-docs.
"""

from __future__ import annotations

from enum import StrEnum


class StepStatus(StrEnum):
    """The statuses of a step in Adobe's specification; a step keeps an unknown one as a plain string."""

    NOT_STARTED = "NOT_STARTED"
    RUNNING = "RUNNING"
    WAITING = "WAITING"
    FINISHED = "FINISHED"
    INCOMPLETE = "INCOMPLETE"
    ERROR = "ERROR"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    ROLLING_BACK = "ROLLING_BACK"
    ROLLED_BACK = "ROLLED_BACK"


class ExecutionStatus(StrEnum):
    """The statuses of an execution in Adobe's specification. There is no WAITING: only steps wait."""

    NOT_STARTED = "NOT_STARTED"
    RUNNING = "RUNNING"
    CANCELLING = "CANCELLING"
    CANCELLED = "CANCELLED"
    FINISHED = "FINISHED"
    ERROR = "ERROR"
    FAILED = "FAILED"


class Action(StrEnum):
    """The actions this package asks for by name; Adobe adds new ones over time."""

    BUILD = "build"
    CODE_QUALITY = "codeQuality"
    DEPLOY = "deploy"
    CONTENT_AUDIT = "contentAudit"
    APPROVAL = "approval"
    SCHEDULE = "schedule"
    MANAGED = "managed"


STAGE = "stage"
PRODUCTION = "prod"

KNOWN: frozenset[str] = frozenset(StepStatus)
"""Every status of a step in the specification."""
SUCCEEDED: frozenset[str] = frozenset({StepStatus.FINISHED, StepStatus.INCOMPLETE})
FAILED: frozenset[str] = frozenset(
    {
        StepStatus.ERROR,
        StepStatus.FAILED,
        StepStatus.CANCELLED,
        StepStatus.ROLLING_BACK,
        StepStatus.ROLLED_BACK,
    }
)
STEP_TERMINAL: frozenset[str] = (SUCCEEDED | FAILED) - {StepStatus.ROLLING_BACK}
ALIVE: frozenset[str] = frozenset(
    {ExecutionStatus.NOT_STARTED, ExecutionStatus.RUNNING, ExecutionStatus.CANCELLING}
)
ENDED_BADLY: frozenset[str] = frozenset(
    {ExecutionStatus.CANCELLED, ExecutionStatus.ERROR, ExecutionStatus.FAILED}
)
GO_LIVE: frozenset[str] = frozenset({Action.APPROVAL, Action.SCHEDULE, Action.MANAGED})

CHANGES_NO_ENVIRONMENT: frozenset[str] = frozenset(
    {
        Action.BUILD,
        Action.CODE_QUALITY,
        Action.CONTENT_AUDIT,
        *GO_LIVE,
        "validate",
        "buildImage",
        "securityTest",
        "loadTest",
        "assetsTest",
        "reportPerformanceTest",
        "productTest",
        "functionalTest",
        "uiTest",
    }
)
"""Every action that Adobe documents but ``deploy``: they build, test or decide. An action that is not here may change the
environment it leads to."""

UI_NAMES = {
    "validate": "Validation",
    "build": "Build & Unit Testing",
    "codeQuality": "Code Scanning",
    "buildImage": "Build Images",
    "productTest": "Product Functional Testing",
    "functionalTest": "Custom Functional Testing",
    "uiTest": "Custom UI Testing",
    "contentAudit": "Experience Audit",
    "approval": "Application for Approval",
    "schedule": "Schedule Production Deployment",
}
