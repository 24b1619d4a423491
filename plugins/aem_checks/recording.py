"""What did the site's pages answer for this candidate? Fetched once, kept as evidence, judged many times.

Pages are asked past all caches (a query parameter that no cache has seen), since the CDN is not flushed by a
deployment (Adobe: help/implementing/dispatcher/caching) and would answer with the old build. Redirects within
the target's hosts are followed. Style sheets and scripts that a page names on these hosts are asked as they
are written, through the cache, as a visitor's browser does; their URLs change with their content. Nothing on
other hosts is fetched.

A folder holds ``index.json`` (written last, so that it marks a complete recording) and ``bodies/<sha256>``.
Values of cookies and credentials are not kept.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from multidict import CIMultiDictProxy

from aem_checks.addresses import absolute, base_of
from aem_checks.response import HeldResponse, Response, make_headers
from aem_checks.rolling import ask_again
from aem_checks.stored_response import BodyError, StoredResponse, found_in, put_away
from aem_checks.urls import host_of, uncached

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

    from aem_checks.client import Client
    from aem_checks.folders import Folder
    from aem_checks.sites import SiteConfig, Target

FORMAT = 1
INDEX = "index.json"
MAX_RESOURCES = 500
"""Style sheets and scripts per recording; what is beyond is listed in the recording as left out."""
NOT_KEPT = "[not kept]"
_SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "x-aem-edge-key"})
_DIGEST = re.compile(r"[0-9a-f]{64}")


class RecordingError(ValueError):
    """A stored recording that is missing, incomplete or changed. The message names the file."""


@dataclass(frozen=True)
class Reference:
    """A style sheet or script that a page names."""

    url: str
    """Absolute, as the page means it, without fragment."""
    kind: str
    """``style`` or ``script``."""
    on_site: bool
    """Whether it is on a host of the site, and so was fetched."""


@dataclass(frozen=True)
class Page:
    """One configured page with all answers on the way to it."""

    path: str
    """As in the gate file."""
    url: str
    """The page's address without cache-buster, for people."""
    hops: tuple[Response, ...]
    """Every answer in order: the first to the request, the last the one that a visitor sees."""
    references: tuple[Reference, ...] = ()

    @property
    def final(self) -> Response:
        return self.hops[-1]

    @property
    def is_good(self) -> bool:
        """Whether the last answer is an HTML document with status 200 to 299."""
        return self.final.ok and self.final.is_html


@dataclass(frozen=True, eq=False)
class Recording:
    """The responses of the pages of one site on one target, and of what they need."""

    site: str
    target: Target
    base_url: str
    hosts: frozenset[str]
    """Hosts of this target, with port where one is written: only these were contacted."""
    other_hosts: frozenset[str]
    """Hosts of the same site on the other target."""
    pages: tuple[Page, ...]
    resources: Mapping[str, Response] = field(default_factory=dict)
    """Style sheets and scripts by URL."""
    left_out: tuple[str, ...] = ()
    """URLs of the site that were not fetched because there were too many."""
    recorded_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    name: str = "recording"
    """The folder's path inside the evidence."""

    @property
    def responses(self) -> Iterator[Response]:
        """Everything that was fetched, pages first."""
        yield from (hop for page in self.pages for hop in page.hops)
        yield from self.resources.values()

    @cached_property
    def good_pages(self) -> tuple[Page, ...]:
        """The pages whose last answer is an HTML document with status 200 to 299."""
        return tuple(page for page in self.pages if page.is_good)

    def evidence(self, response: Response) -> str:
        """Where the proof of a response is inside the evidence: its body, else the index."""
        return f"{self.name}/bodies/{response.sha256}" if response.size else f"{self.name}/{INDEX}"

    def save(self, folder: Folder) -> None:
        """Write the recording; ``index.json`` comes last. Blocks; raises what the folder raises."""
        bodies = folder / "bodies"
        bodies.mkdir(parents=True, exist_ok=True)
        for response in {each.sha256: each for each in self.responses if each.size}.values():
            if not (isinstance(response, StoredResponse) and response.is_in(bodies)):
                (bodies / response.sha256).write_bytes(response.body)
        (folder / INDEX).write_bytes(json.dumps(_to_index(self)).encode())

    @classmethod
    def load(cls, folder: Folder, *, name: str | None = None) -> Recording:
        """Read a recording without the network. ``name``: its path in the evidence, by default the folder's.

        Raises ``RecordingError`` when it is missing or incomplete, or when a body has changed since.
        """
        try:
            index = json.loads((folder / INDEX).read_bytes())
            if index["format"] != FORMAT:
                raise RecordingError(f"{folder / INDEX} has the unknown format {index['format']!r}")
            return _from_index(index, folder, name or folder.name)
        except BodyError as error:
            raise RecordingError(str(error)) from error
        except FileNotFoundError as error:
            raise RecordingError(
                f"the recording in {folder} is incomplete: {error.filename or error}"
            ) from error
        except (KeyError, TypeError, AttributeError, UnicodeError, json.JSONDecodeError) as error:
            raise RecordingError(f"{folder / INDEX} is damaged ({type(error).__name__}: {error})") from error


async def record(
    site: SiteConfig,
    target: Target,
    client: Client,
    folder: Folder,
    *,
    name: str | None = None,
    tries: int = 3,
    paths: Iterable[str] | None = None,
) -> Recording:
    """Fetch the pages and what they need, write all into ``folder`` and return it.

    ``paths`` are the pages, those that the site names where absent. Each request is tried up to ``tries`` times.
    Errors of the network are part of the recording, never raised.
    Raises ``LookupError`` when the site has no such target, and what the folder raises when writing fails.
    """
    endpoint = site.endpoint(target)
    urls = {path: endpoint.url + path for path in (site.pages if paths is None else paths)}
    bodies = folder / "bodies"
    await asyncio.to_thread(bodies.mkdir, parents=True, exist_ok=True)
    pages = await asyncio.gather(
        *(_record_page(path, url, endpoint.hosts, client, tries, bodies) for path, url in urls.items())
    )
    wanted = dict.fromkeys(ref.url for page in pages for ref in page.references if ref.on_site)
    fetched = list(wanted)[:MAX_RESOURCES]
    answers = await asyncio.gather(
        *(client.follow(url, tries=tries, within=endpoint.hosts) for url in fetched)
    )
    resources = await ask_again(dict(zip(fetched, answers, strict=True)), endpoint.hosts, client)
    recording = Recording(
        site=site.name,
        target=target,
        base_url=endpoint.url,
        hosts=endpoint.hosts,
        other_hosts=_hosts_of_other_target(site, target),
        pages=tuple(pages),
        resources={url: put_away(without_secrets(hops[-1]), bodies) for url, hops in resources.items()},
        left_out=tuple(wanted)[MAX_RESOURCES:],
        name=name or folder.name,
    )
    await asyncio.to_thread(recording.save, folder)
    return recording


def _hosts_of_other_target(site: SiteConfig, target: Target) -> frozenset[str]:
    other = site.production if target == "stage" else site.stage
    return other.hosts if other else frozenset()


async def _record_page(
    path: str, url: str, hosts: frozenset[str], client: Client, tries: int, bodies: Folder
) -> Page:
    hops = [without_secrets(hop) for hop in await client.follow(uncached(url), tries=tries, within=hosts)]
    references = tuple(find_references(HeldResponse.of(hops[-1]), hosts, client.allows))
    kept = [await asyncio.to_thread(put_away, hop, bodies) for hop in hops]
    return Page(path, url, tuple(kept), references)


def find_references(
    response: Response, hosts: frozenset[str], allows: Callable[[str], bool]
) -> Iterator[Reference]:
    """Style sheets and scripts that an HTML answer names, each once, in the order of the document."""
    if not (response.ok and response.is_html):
        return
    base = base_of(response)
    seen: set[str] = set()
    for node in response.document.css("link[href], script[src]"):
        kind = _kind_of(node)
        url = absolute(base, node.attributes.get("href") or node.attributes.get("src") or "") if kind else ""
        if url and url not in seen:
            seen.add(url)
            yield Reference(url, kind, host_of(url) in hosts and allows(url))


def _kind_of(node: LexborNode) -> str:
    """``style``, ``script`` or, for a link to anything else, nothing."""
    if node.tag == "script":
        return "script"
    relations = (node.attributes.get("rel") or "").lower().split()
    if "stylesheet" in relations:
        return "style"
    if "modulepreload" in relations:
        return "script"
    purpose = (node.attributes.get("as") or "").lower()
    return purpose if "preload" in relations and purpose in {"style", "script"} else ""


def without_secrets(response: Response) -> Response:
    """Without the values of cookies and of headers that open something."""
    kept = ((name, _harmless(name, value)) for name, value in response.headers.items())
    return replace(response, headers=make_headers(kept))


def _harmless(name: str, value: str) -> str:
    lower = name.lower()
    if lower in _SECRET_HEADERS:
        return NOT_KEPT
    if lower == "set-cookie":
        cookie, mark, attributes = value.partition(";")
        return f"{cookie.partition('=')[0]}={NOT_KEPT}{mark}{attributes}"
    return value


def _to_index(recording: Recording) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "site": recording.site,
        "target": recording.target,
        "base_url": recording.base_url,
        "hosts": sorted(recording.hosts),
        "other_hosts": sorted(recording.other_hosts),
        "recorded_at": recording.recorded_at.isoformat(),
        "left_out": list(recording.left_out),
        "pages": [
            {
                "path": page.path,
                "url": page.url,
                "cache": "past all caches",
                "hops": [response_to_index(hop) for hop in page.hops],
                "references": [[ref.url, ref.kind, ref.on_site] for ref in page.references],
            }
            for page in recording.pages
        ],
        "resources": [
            {"reference": url, "cache": "as a visitor", **response_to_index(answer)}
            for url, answer in recording.resources.items()
        ],
    }


def response_to_index(response: Response) -> dict[str, Any]:
    """An answer as it is kept, but for its body, which is named by its digest."""
    return {
        "method": response.method,
        "url": response.url,
        "status": response.status,
        "headers": list(response.headers.items()),
        "body": f"bodies/{response.sha256}" if response.size else None,
        "sha256": response.sha256,
        "bytes": response.size,
        "truncated": response.truncated,
        "error": response.error,
        "elapsed": round(response.elapsed, 6),
        "first_byte": round(response.first_byte, 6),
        "fetched_at": response.fetched_at.isoformat(),
    }


def _from_index(index: Mapping[str, Any], folder: Folder, name: str) -> Recording:
    return Recording(
        site=index["site"],
        target=index["target"],
        base_url=index["base_url"],
        hosts=frozenset(index["hosts"]),
        other_hosts=frozenset(index["other_hosts"]),
        pages=tuple(_page_from_index(entry, folder) for entry in index["pages"]),
        resources={each["reference"]: response_from_index(each, folder) for each in index["resources"]},
        left_out=tuple(index["left_out"]),
        recorded_at=datetime.fromisoformat(index["recorded_at"]),
        name=name,
    )


def _page_from_index(entry: Mapping[str, Any], folder: Folder) -> Page:
    return Page(
        path=entry["path"],
        url=entry["url"],
        hops=tuple(response_from_index(hop, folder) for hop in entry["hops"]),
        references=tuple(Reference(*reference) for reference in entry["references"]),
    )


def response_from_index(entry: Mapping[str, Any], folder: Folder) -> Response:
    """An answer whose body is in ``folder/bodies``. Raises ``RecordingError``, ``BodyError``, ``FileNotFoundError``."""
    if not _DIGEST.fullmatch(entry["sha256"]):
        raise RecordingError(f"{folder / INDEX} names a body that is no SHA-256 digest")
    return found_in(
        folder / "bodies",
        entry["sha256"],
        entry["bytes"],
        url=entry["url"],
        status=entry["status"],
        headers=_headers_from_index(entry["headers"]),
        elapsed=entry["elapsed"],
        first_byte=entry.get("first_byte", 0.0),
        error=entry["error"],
        truncated=entry["truncated"],
        fetched_at=datetime.fromisoformat(entry["fetched_at"]),
        method=entry["method"],
    )


def _headers_from_index(pairs: Iterable[list[str]]) -> CIMultiDictProxy[str]:
    return make_headers((name, value) for name, value in pairs)
