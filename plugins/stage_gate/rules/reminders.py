"""When is somebody reminded that production still waits, and what is said then? Pure; times are handed in."""

from __future__ import annotations

from datetime import datetime, timedelta

from adobe_cloud_manager.questions import WAITS_AT_MOST

LAST_CALL = timedelta(days=12)
"""From then on a reminder is a last call."""
_AFTER = (
    timedelta(hours=1),
    timedelta(hours=8),
    *(timedelta(days=day) for day in range(1, WAITS_AT_MOST.days)),
)
"""Since the approval began to wait: 1 h, 8 h, then daily, day 12 among them."""

BLOCKED = (
    "Blocked meanwhile: every other full-stack run of this pipeline, and changes to production's variables."
)


def due(began: datetime, now: datetime) -> datetime | None:
    """The newest moment for a reminder that has passed: the only one to be sent, whatever else was missed."""
    passed = [began + after for after in _AFTER if began + after <= now]
    return passed[-1] if passed else None


def following(began: datetime, now: datetime) -> datetime | None:
    """The next moment for a reminder, later than now; ``None`` after the last."""
    return next((began + after for after in _AFTER if began + after > now), None)


def still_waits(began: datetime, now: datetime) -> list[str]:
    """What a reminder says: since when, what is blocked, how much time is left, what to do."""
    ends, waited = began + WAITS_AT_MOST, now - began
    left = max(ends - now, timedelta())
    last = "Last call: after that it can't be approved any more. " if waited >= LAST_CALL else ""
    return [
        f"Production has waited for its approval for {_span(waited)}, since {began:%Y-%m-%d %H:%M} UTC.",
        BLOCKED,
        f"{last}{_left(left)} of {WAITS_AT_MOST.days} are left: Cloud Manager gives up at {ends:%Y-%m-%d %H:%M} UTC.",
        "Approve or reject it in Cloud Manager; this gate notices and records it.",
    ]


def _left(left: timedelta) -> str:
    return f"{left / timedelta(days=1):.1f} days"


def _span(span: timedelta) -> str:
    hours = span / timedelta(hours=1)
    return f"{hours:.0f} h" if hours < 48 else f"{hours / 24:.0f} days"
