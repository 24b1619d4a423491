"""Which gate does the id of a Dag name?"""

from __future__ import annotations

import re

from stage_gate.acting.runs import DAG_ID_PREFIX

_GATE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}")


def gate_of(dag_id: str) -> str | None:
    """The gate's name, which is one segment of a path; ``None`` for a Dag that is no gate's."""
    gate = dag_id.removeprefix(DAG_ID_PREFIX)
    return gate if dag_id.startswith(DAG_ID_PREFIX) and _GATE.fullmatch(gate) else None
