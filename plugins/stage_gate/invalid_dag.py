"""How does a gate whose file is wrong say so? With a Dag whose only task fails with the sentence."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from airflow.sdk import DAG

from stage_gate.acting.runs import DAG_ID_PREFIX, INVALID_SUFFIX, TAGS
from stage_gate.tasks.red import SayWhatIsWrong


def build_invalid_dag(name: str, problem: str, *, still_guarded: bool = False) -> DAG:
    """A Dag whose only task fails with what is wrong, where, and what would be right."""
    problem = problem.encode("utf-8", "backslashreplace").decode()  # a file's name may be no UTF-8
    told = problem.replace("`", "'")
    effect = (
        "This gate still guards, and what is out of date in its file excuses nothing:"
        if still_guarded
        else "This gate guards nothing, because its file is not valid:"
    )
    dag = DAG(
        dag_id=invalid_dag_id(name),
        schedule=timedelta(days=1),
        catchup=False,
        tags=[*TAGS, "invalid"],
        doc_md=f"{effect}\n\n```\n{told}\n```\n",
        is_paused_upon_creation=False,
    )
    SayWhatIsWrong(task_id="gate_file_is_invalid", gate=dag.dag_id, problem=problem, dag=dag, retries=2)
    return dag


def invalid_dag_id(name: str) -> str:
    """The id of the Dag that says what is wrong with this file, whatever characters its name has."""
    safe = "".join(char if char.isascii() and (char.isalnum() or char in "-_") else "_" for char in name)[
        :200
    ]
    if safe != name:  # two names must not become one id
        safe += "-" + hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    return f"{DAG_ID_PREFIX}{safe}{INVALID_SUFFIX}"
