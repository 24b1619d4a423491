"""The Dags of Stage Gate: one per gate file, and stage_gate.start. For Airflow: this file defines a dag or more."""

from stage_gate.dag_file import dags

globals().update(dags())
