"""What can be wrong with a build? All defects by name."""

from __future__ import annotations

from simulator.aem.defects import authoring, browsing, caches, content, crawlers, files, front, parity
from simulator.aem.defects.pages import SITEMAP_PAGE
from simulator.aem.defects.registry import PAGE, REGISTRY, Defect, Scene, apply
from simulator.aem.defects.services import SLOW

__all__ = [
    "DEFECTS",
    "PAGE",
    "REGISTRY",
    "SITEMAP_PAGE",
    "SLOW",
    "Defect",
    "Scene",
    "apply",
    "authoring",
    "browsing",
    "caches",
    "content",
    "crawlers",
    "files",
    "front",
    "parity",
]

DEFECTS = frozenset(REGISTRY)
