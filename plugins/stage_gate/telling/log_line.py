"""How does a sentence become one line of a task's log, whatever site, suite or person it quotes?"""

from __future__ import annotations

from aem_checks.text import plain

LONGEST = 4000
"""Characters of one line; the report has the whole."""


def log_line(text: object) -> str:
    """One line without control characters and without the markers that fold Airflow's logs."""
    return plain(str(text), LONGEST)
