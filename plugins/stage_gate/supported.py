"""Does this Airflow have what a gate needs? Asked before anything of it is imported."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, version

OLDEST = (3, 3)
"""Hooks mask secrets, triggers share a stream and questions are parked by parts that came with it."""
BELOW = (4, 0)
REMEDY = "Upgrade Airflow, or take Stage Gate's files out of the folders of Dags and plugins."
_AIRFLOW = "apache-airflow-core"


class UnsupportedAirflow(ImportError):
    """This Airflow runs no gate; the message is the sentence that says so."""


def require_airflow() -> None:
    """Raise ``UnsupportedAirflow`` on an Airflow that some task of a gate would fail on, though its Dags may parse."""
    if why := unsupported():
        raise UnsupportedAirflow(f"Stage Gate {why}: no gate guards here. To do: {REMEDY}")


def unsupported() -> str | None:
    """Why no gate runs on the Airflow that is installed here, as the end of a sentence; ``None`` where one does."""
    try:
        found = version(_AIRFLOW)
    except PackageNotFoundError:
        found = _older()
    numbers = tuple(int(each) for each in re.findall(r"\d+", found)[:2])
    if OLDEST <= numbers < BELOW:
        return None
    oldest, below = (".".join(map(str, each)) for each in (OLDEST, BELOW))
    return f"runs on Airflow {oldest} and newer, below {below}, and this is {found or 'none'}"


def _older() -> str:
    """Airflow 2 was one distribution, without a core of its own."""
    try:
        return version("apache-airflow")
    except PackageNotFoundError:
        return ""
