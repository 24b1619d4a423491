"""What stands in for Adobe in tests and in the demo? IMS, Cloud Manager and AEM sites, as real HTTP servers.

Everything that it answers is marked with `X-Simulated: true`; it takes simulated credentials only.
"""

from __future__ import annotations

from simulator.faults import Fault, clock, rate_limited
from simulator.running import Simulator
from simulator.scenario import Scenario, ScenarioError, load_scenario, scenario_path

__all__ = [
    "Fault",
    "Scenario",
    "ScenarioError",
    "Simulator",
    "clock",
    "load_scenario",
    "rate_limited",
    "scenario_path",
]
