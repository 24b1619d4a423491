"""Which plugin is in this folder, for an Airflow that has Stage Gate in its plugins folder only?

Where the package is installed, its entry point registers the plugin. Registered from both, Airflow 3.3 would list an
import error and its workers would leave out every other installed plugin that comes after.
"""

from __future__ import annotations

from importlib.metadata import entry_points

if not entry_points(group="airflow.plugins", name="stage_gate"):
    from stage_gate.airflow_plugin import StageGatePlugin as StageGatePlugin
