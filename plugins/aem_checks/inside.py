"""What happens in the process that runs a team's own check? It reads a request, runs the check, leaves an answer.

Started by ``aem_checks.isolated`` as ``python -I -c … FOLDER`` with the request as standard input. It knows what
the request says and nothing else: no Airflow, no connection but the site's own. Whatever it leaves in
``FOLDER/answer`` is judged by the other side, which believes nothing of it.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from aem_checks.access import Access, AccessError
from aem_checks.outcomes import Judgement
from aem_checks.sites import SiteConfig, Target

if TYPE_CHECKING:
    from aem_checks.check import SiteCheck
    from aem_checks.recording import Recording

ANSWER = "judgement.json"
FILES = "files"


class GivenAccess(BaseModel):
    """Credentials on their way into the process."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    headers: dict[str, str]
    basic: tuple[str, str] | None
    hosts: frozenset[str]

    @classmethod
    def of(cls, access: Access) -> GivenAccess:
        return cls(headers=dict(access.headers), basic=access.basic, hosts=access.hosts)

    def open(self) -> Access:
        return Access(self.headers, self.basic, self.hosts)


class Request(BaseModel):
    """All that a team's check is told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    module: Path
    settings: dict[str, Any]
    site: SiteConfig
    target: Target
    facts: dict[str, Any]
    access: GivenAccess
    accesses: dict[str, GivenAccess]
    """By the name of the connection: those that the site itself names."""
    recording: str | None
    """The recording's path in the evidence; a copy of it lies in ``FOLDER/recording``."""
    rate_folder: Path


@dataclass(frozen=True)
class _Given:
    """Finds the credentials that came with the request."""

    accesses: Mapping[str, GivenAccess]

    def __call__(self, name: str) -> Access:
        if name not in self.accesses:
            raise AccessError(
                f"connection {name!r} is not given to a team's own check; it has those that its site names"
            )
        return self.accesses[name].open()


def main(folder: Path) -> None:
    """Run the check that standard input asks for; what it raises ends the process with a trace."""
    request = Request.model_validate_json(sys.stdin.buffer.read())
    answer = folder / "answer"
    (answer / FILES).mkdir()
    judgement = asyncio.run(_judge(request, folder))
    (answer / ANSWER).write_text(judgement.model_dump_json())


async def _judge(request: Request, folder: Path) -> Judgement:
    from aem_checks.check import PageCheck, SiteCheck
    from aem_checks.kinds import kind_of_file
    from aem_checks.recording import Recording

    kind = kind_of_file(request.module)
    check = kind(kind.settings_type.model_validate(request.settings))
    recording = None
    if request.recording is not None:
        recording = await asyncio.to_thread(Recording.load, folder / "recording", name=request.recording)
    if isinstance(check, PageCheck):
        assert recording is not None
        return await asyncio.to_thread(check.judge, recording)
    assert isinstance(check, SiteCheck)
    return await _ask_site(check, request, recording, folder)


async def _ask_site(
    check: SiteCheck[Any], request: Request, recording: Recording | None, folder: Path
) -> Judgement:
    from aem_checks.client import Client
    from aem_checks.rate_limit import RateLimit
    from aem_checks.visit import Visit

    resolver = _Given(request.accesses)
    limit = RateLimit(request.site.requests_per_second, folder=request.rate_folder)
    async with Client.for_site(request.site, resolver, rate_limit=limit) as client:
        visit = Visit(
            site=request.site,
            target=request.target,
            client=client,
            recording=recording,
            evidence=folder / "answer" / FILES,
            access=request.access.open(),
            facts=request.facts,
            resolver=resolver,
        )
        return await check.run(visit)
