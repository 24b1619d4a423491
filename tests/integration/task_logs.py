"""What has a task said, in all its tries and triggers? From the files: Airflow's API shows no try that Airflow lost.

It loses one that is resumed before the scheduler has heard that it paused, and tries again.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from airflow_api import as_line


def said(
    home: Path, dag_id: str, run_id: str, task: str, *, map_index: int = -1, attempt: int | None = None
) -> str:
    """The lines in their order, below an Airflow's `home`; of one `attempt` only where it is named."""
    folder = home / "logs" / f"dag_id={dag_id}" / f"run_id={run_id}" / f"task_id={task}"
    if map_index >= 0:
        folder /= f"map_index={map_index}"
    files = folder.glob(f"attempt={'*' if attempt is None else attempt}.log*")
    texts = [file.read_text(errors="replace").rpartition("\n")[0] for file in files]
    lines = [json.loads(line) for text in texts for line in text.splitlines() if line.startswith("{")]
    lines.sort(key=lambda each: datetime.fromisoformat(each["timestamp"]))
    return "\n".join(as_line(each) for each in lines)
