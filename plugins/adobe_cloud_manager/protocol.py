"""What are the rules of Cloud Manager's API: headers, links, pages, acts, logs? No I/O here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, quote, urlsplit

from adobe_cloud_manager import exceptions as errors
from adobe_cloud_manager.answers import Answer, error_of, read_json
from adobe_cloud_manager.parsing import one_line
from adobe_cloud_manager.settings import is_loopback

VERSION = "0.1.0"
USER_AGENT = f"aem-stage-gate/{VERSION}"

_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_.-]{0,63}")
_AMBIGUOUS_4XX = frozenset({408, 499})


@dataclass(frozen=True, slots=True)
class Receipt:
    """Cloud Manager's acknowledgement (202) of an act; it will be carried out soon, not at once."""

    status: int
    request_id: str | None


def api_headers(*, org_id: str, client_id: str, token: str, body: bool = False) -> dict[str, str]:
    """The three headers that every operation requires, and nothing else that could tell more.

    ``body`` adds the content type that PUT requires
    (https://developer.adobe.com/experience-cloud/cloud-manager/reference/api/).
    """
    headers = {
        "x-gw-ims-org-id": org_id,
        "x-api-key": client_id,
        "Authorization": f"Bearer {token}",
        "accept": "application/json",
        "user-agent": USER_AGENT,
    }
    return headers | {"content-type": "application/json"} if body else headers


def api_path(*segments: str) -> str:
    """``/api/program/1/...`` of words and ids. Raises ``InvalidRequest`` for what cannot be an id."""
    for segment in segments:
        if not isinstance(segment, str) or not _ID.fullmatch(segment):
            raise errors.InvalidRequest(f"{one_line(str(segment))[:80]!r} is not an id of Cloud Manager.")
    return "/api/" + "/".join(segments)


def with_query(path: str, **parameters: str | int) -> str:
    """The path with a query string of the given parameters."""
    pairs = (f"{quote(name)}={quote(str(value), safe='')}" for name, value in parameters.items())
    query = "&".join(pairs)
    return f"{path}{'&' if '?' in path else '?'}{query}" if query else path


def resolve(base_url: str, href: str) -> str:
    """The absolute URL of a link: under ``/api/`` of the configured base, never on another host.

    Raises ``ForeignLink`` for another scheme, host or port, user information, a path outside ``/api/``,
    dot segments, an unexpanded template, or characters that do not belong into a URL.
    """
    parts = _split(href)
    base = urlsplit(base_url)
    same_origin = not (parts.scheme or parts.netloc) or (parts.scheme, parts.netloc.lower()) == (
        base.scheme,
        base.netloc.lower(),
    )
    segments = re.split(r"/|%2f|%5c", parts.path.lower().replace("%2e", "."))
    inside = parts.path.startswith("/api/") and not {".", ".."} & set(segments)
    if not (same_origin and inside):
        raise _foreign(href)
    query = f"?{parts.query}" if parts.query else ""
    return f"{base_url}{parts.path}{query}"


def _split(href: str) -> SplitResult:
    if not re.fullmatch(r"[!-~]+", href) or re.search(r"[\\{}<>\"^`|]", href):
        raise _foreign(href)
    try:
        return urlsplit(href)
    except ValueError as error:
        raise _foreign(href) from error


def _foreign(href: str) -> errors.ForeignLink:
    shown = one_line(href).split("?")[0][:200]
    return errors.ForeignLink(
        f"Cloud Manager answered with a link that leads outside its API and was not followed: {shown!r}."
    )


def act_link(href: str | None, *, execution_id: str, phase_id: str, step_id: str, verb: str) -> str:
    """The link of an act, proven to belong to exactly this step of this execution.

    Raises ``NotFound`` where the step has no such link (Cloud Manager shows it only while the act is
    possible) and ``ForeignLink`` where the link belongs to something else.
    """
    if not href:
        raise errors.NotFound(f"The step offers no {verb} link: Cloud Manager does not wait for this now.")
    path = _split(href).path
    if not path.endswith(f"/execution/{execution_id}/phase/{phase_id}/step/{step_id}/{verb}"):
        raise _foreign(href)
    return href


def next_link(document: Mapping[str, Any]) -> str | None:
    """The href of the next page, if the answer names one."""
    links = document.get("_links")
    link = links.get("next") if isinstance(links, Mapping) else None
    link = link[0] if isinstance(link, list) and link else link
    href = link.get("href") if isinstance(link, Mapping) else None
    return href if isinstance(href, str) and href else None


def receipt_of(answer: Answer, what: str) -> Receipt:
    """The receipt of an act: 202 alone acknowledges it.

    Raises ``ActRefused`` for a definite 4xx and ``ActUnknown`` for anything else: a 5xx, a redirect, another
    2xx, and a 408 or 499, with which a gateway reports that it gave up in between
    (https://developer.adobe.com/experience-cloud/cloud-manager/reference/api/ names 202, 403 and 404).
    """
    if answer.status == 202:
        return Receipt(answer.status, answer.request_id)
    if is_refusal(answer.status):
        raise _act_error(errors.ActRefused, answer, what, "Nothing was changed.")
    raise _act_error(
        errors.ActUnknown,
        answer,
        what,
        "It may have been carried out: read the state back before anything else.",
    )


def is_refusal(status: int) -> bool:
    """Whether the status says for certain that the request was not carried out."""
    return 400 <= status < 500 and status not in _AMBIGUOUS_4XX


def _act_error(kind: type[errors.ActError], answer: Answer, what: str, end: str) -> errors.ActError:
    reason = error_of(answer, what)
    error = kind(
        f"{reason.sentence} {end}",
        status=answer.status,
        request_id=answer.request_id,
        error_code=reason.error_code,
    )
    error.__cause__ = reason
    return error


def log_location(answer: Answer, what: str, *, allow_loopback: bool) -> str:
    """Where a step's log lies: ``{"redirect": url}`` or the ``Location`` of a 307.

    The URL carries its own signature and must be fetched without Adobe's headers; it never goes into a log or
    an error. ``http://`` is accepted for loopback hosts only, and only where ``allow_loopback``.
    """
    if answer.status in (301, 302, 303, 307, 308):
        url: object = answer.headers.get("location")
    else:
        url = read_json(answer, what).get("redirect")
    if isinstance(url, str) and _is_fetchable(url, allow_loopback=allow_loopback):
        return url
    raise errors.UnexpectedAnswer(
        f"Cloud Manager answered {what} without a usable address of the log.",
        status=answer.status,
        request_id=answer.request_id,
    )


def _is_fetchable(url: str, *, allow_loopback: bool) -> bool:
    if not re.fullmatch(r"[!-~]+", url):
        return False
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    secure = parts.scheme == "https"
    local = allow_loopback and parts.scheme == "http" and is_loopback(host)
    return bool(host) and (secure or local) and parts.username is None


def content_range_total(headers: Mapping[str, str]) -> int | None:
    """The full length in bytes out of ``Content-Range: bytes 0-9/1234``."""
    found = re.fullmatch(r"bytes\s+\d+-\d+/(\d+)", headers.get("content-range", "").strip())
    return int(found[1]) if found else None


def tail_text(body: bytes, limit: int, *, cut: bool) -> str:
    """The last ``limit`` bytes as text; where the beginning was cut off, from the next full line on."""
    end = body[-limit:] if limit else b""
    if cut or len(end) < len(body):
        end = end.partition(b"\n")[2] or end
    return end.decode("utf-8", errors="replace")


def log_headers(start: int, end: int | None) -> dict[str, str]:
    """The headers for a signed log address: none of Adobe's, and the bytes from ``start`` to ``end``."""
    last = "" if end is None else str(end)
    return {
        "accept": "*/*",
        "accept-encoding": "identity",
        "range": f"bytes={start}-{last}",
        "user-agent": USER_AGENT,
    }


def start_error(answer: Answer, what: str) -> errors.CloudManagerError:
    """The error of a start that was not answered with 201: a definite 4xx as itself, else ``ActUnknown``."""
    if is_refusal(answer.status):
        return error_of(answer, what)
    return _act_error(errors.ActUnknown, answer, what, "It may have started: read the current execution.")
