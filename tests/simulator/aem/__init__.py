"""The simulated AEM site: what does a release gate meet when it visits stage and production?"""

from __future__ import annotations

from simulator.aem.defects import DEFECTS
from simulator.aem.environment import AemEnvironment, Build

__all__ = ["DEFECTS", "AemEnvironment", "Build"]
