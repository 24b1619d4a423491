"""The Dags of Stage Gate: one per gate file, and stage_gate.start. For Airflow: this file defines a dag or more."""

from airflow.sdk import get_parsing_context

from stage_gate.dag_bag import build_dags

globals().update(build_dags(get_parsing_context().dag_id))
