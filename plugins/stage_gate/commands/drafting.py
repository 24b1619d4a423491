"""What do Cloud Manager and the site itself tell for a new gate file?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stage_gate.commands import init
from stage_gate.commands.site_probe import SiteAnswer, ask
from stage_gate.commands.sitemap_pages import find_pages
from stage_gate.configuration.gate_file import GATE_NAME

if TYPE_CHECKING:
    from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook


def draft_gate(
    hook: CloudManagerHook, choice: init.Choice, *, name: str | None, connection: str, timeout: float
) -> init.Draft:
    """Fill in ids, hosts and pages. ``timeout`` in seconds for each request to a site. Raises ``InitError``."""
    chosen = name or init.gate_name(choice)
    if not GATE_NAME.fullmatch(chosen):
        raise init.InitError(f"{chosen!r} cannot name a gate: use lower-case letters, digits, '-' and '_'.")
    stage_id, production_id = choice.pipeline.stage_environment_id, choice.pipeline.production_environment_id
    if stage_id is None or production_id is None:
        raise init.InitError(
            f"Pipeline {choice.pipeline.id} does not deploy to stage and then to production."
        )
    stage = init.find_address(hook, choice, stage_id, domains=False)
    production = init.find_address(hook, choice, production_id, domains=True)
    pages, pages_from = look_for_pages((production.url, stage.url), timeout)
    return init.Draft(chosen, connection, choice, stage, production, pages, pages_from)


def look_for_pages(bases: tuple[str, ...], timeout: float) -> tuple[tuple[str, ...], str]:
    """Pages and where they come from; the home page and nothing where no sitemap can be read."""

    def patiently(url: str) -> SiteAnswer:
        return ask(url, seconds=timeout)

    for base in bases:
        pages = find_pages(base, patiently)
        if pages:
            return pages, f"the sitemap of {base}"
    return ("/",), ""
