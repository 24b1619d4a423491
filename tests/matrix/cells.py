"""Which environments are tried? The oldest and the newest of each range, and what managed Airflows have."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cell:
    """One fresh environment."""

    name: str
    python: str
    airflow: str = ""
    """An exact version; the newest where empty."""
    resolution: str = "highest"
    """As uv calls it: ``lowest-direct`` takes the lowest version of each range that the wheel names."""


CELLS = (
    Cell("oldest", "3.11", airflow="3.3.0", resolution="lowest-direct"),
    Cell("composer", "3.12", airflow="3.3.1"),
    Cell("newest", "3.11"),
    Cell("newest-python", "3.13"),
)
