"""What opens a protected site: basic auth, an edge key or another header, or a bearer token.

Credentials live in Airflow connections, never in a gate file. The connection's login and password become
HTTP basic auth; its extra may hold ``edge_key`` (sent as ``X-AEM-Edge-Key``), ``bearer`` (sent as
``Authorization: Bearer ...``) and ``headers`` (an object of any further request headers).

A gate file names both a connection and the address that gets what is in it. So a connection opens a site only where
it is of a type for that, and where it names a host it opens that host only.
"""

from __future__ import annotations

import json
import os
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import escape
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

from aem_checks.urls import host_of

EDGE_KEY_HEADER = "X-AEM-Edge-Key"
SITE_TYPES = frozenset({"", "http", "https", "generic"})
"""Types of the connections that open sites and repositories. All others belong to something: a database, a cloud, a
mail server, Cloud Manager. Airflow's form always sets one; a connection in the environment may be without."""
_SHORTEST_SECRET = 4
_DOUBLE = ('"', "&quot;", "&#34;")
_SINGLE = ("'", "&#x27;", "&#39;", "&apos;")
_PERCENT = re.compile("%[0-9A-F]{2}")


class AccessError(ValueError):
    """A connection that can't be found, read or used for this. The message never quotes what is in it."""

    def __init__(self, problem: str, remedy: str = "") -> None:
        super().__init__(problem)
        self.remedy = remedy
        """What to do, as a sentence, where more than the problem is known."""


@dataclass(frozen=True, repr=False)
class Access:
    """Credentials for one endpoint; ``repr`` and ``str`` show only which kinds there are."""

    headers: Mapping[str, str] = field(default_factory=dict)
    basic: tuple[str, str] | None = None
    hosts: frozenset[str] = frozenset()
    """The only hosts that may get them, in lower case and with a port where only that one may; any where empty."""

    def at(self, url: str) -> Access:
        """The credentials for an address. Raises ``AccessError`` where it may not get them."""
        host = host_of(url)
        if self.hosts and not self.hosts & {host, host.rpartition(":")[0] or host}:
            raise AccessError(f"the connection opens {', '.join(sorted(self.hosts))} only, not {host}")
        return self

    @property
    def request_headers(self) -> dict[str, str]:
        """All headers to send, the basic auth included."""
        headers = dict(self.headers)
        if self.basic is not None:
            headers["Authorization"] = f"Basic {_encode(self.basic)}"
        return headers

    @property
    def secrets(self) -> frozenset[str]:
        """Texts that must not turn up in evidence or logs, should the site echo them."""
        texts = {part for value in self.headers.values() for part in (value, value.split(" ")[-1])}
        if self.basic is not None:
            texts |= {self.basic[1], _encode(self.basic)}
        return frozenset(form for text in texts if len(text) >= _SHORTEST_SECRET for form in _echoes(text))

    def __bool__(self) -> bool:
        return bool(self.headers or self.basic)

    def __repr__(self) -> str:
        kinds = [*sorted(self.headers), *(["basic auth"] if self.basic else [])]
        return f"Access({', '.join(kinds) or 'none'})"


NO_ACCESS = Access()

AccessResolver = Callable[[str], Access]
"""From the name in ``access:`` of a gate file to the credentials; raises ``AccessError``."""


def refuse_type(conn_type: str | None, extra: Mapping[str, object]) -> None:
    """Raise ``AccessError`` for a connection that is plainly no site's, whatever else it holds."""
    kind = (conn_type or "").lower()
    if kind not in SITE_TYPES:
        raise AccessError(
            f"the connection is of type {kind!r}, which opens no site; give the site one of type HTTP or Generic"
        )
    if "org_id" in extra:
        raise AccessError("the connection holds a credential of Adobe's APIs (org_id), which opens no site")


def hosts_of(host: str | None, port: int | str | None = None) -> frozenset[str]:
    """The host that a connection names, as for ``Access.hosts``. Raises ``AccessError`` for what is none."""
    if not host:
        return frozenset()
    try:
        parts = urlsplit(host if "://" in host else f"//{host}")
        name, number = parts.hostname, parts.port or int(port or 0)
    except ValueError:
        name = None
    if not name:
        raise AccessError("the connection names a host that can't be read; write it like stage.example.com")
    name = f"[{name}]" if ":" in name else name
    return frozenset({f"{name}:{number}" if number not in (0, 80, 443) else name})


def access_from_fields(
    login: str | None,
    password: str | None,
    extra: Mapping[str, object],
    *,
    conn_type: str | None = None,
    host: str | None = None,
    port: int | str | None = None,
) -> Access:
    """Turn the fields of an Airflow connection into credentials.

    Raises ``AccessError`` for a connection that is no site's, and when the fields hold nothing to send or contradict
    each other.
    """
    refuse_type(conn_type, extra)
    headers = _extra_headers(extra)
    basic = (login, password or "") if login else None
    if basic and any(name.lower() == "authorization" for name in headers):
        raise AccessError(
            "the connection has both a login and a bearer token or Authorization header; keep one"
        )
    if not headers and basic is None:
        raise AccessError(
            "the connection has no login and its extra has none of edge_key, bearer and headers; fill in one"
        )
    return Access(headers, basic, hosts_of(host, port))


def access_from_environment(name: str) -> Access:
    """Read the connection from the environment variable ``AIRFLOW_CONN_<NAME>``, as a URI or as JSON.

    Raises ``AccessError`` with the variable's name when it is missing or cannot be read.
    """
    variable = f"AIRFLOW_CONN_{name.upper()}"
    text = os.environ.get(variable, "").strip()
    if not text:
        raise AccessError(f"there is no connection {name!r}: set {variable} to a connection as URI or JSON")
    try:
        return _from_json(text) if text.startswith("{") else _from_uri(text)
    except AccessError as error:
        raise AccessError(f"{variable}: {error}") from None
    except (ValueError, TypeError, AttributeError):
        raise AccessError(f"{variable} is neither a connection URI nor JSON") from None


def _from_json(text: str) -> Access:
    fields = json.loads(text)
    extra = fields.get("extra") or {}
    if isinstance(extra, str):
        extra = json.loads(extra)
    return access_from_fields(
        fields.get("login"),
        fields.get("password"),
        extra,
        conn_type=fields.get("conn_type"),
        host=fields.get("host"),
        port=fields.get("port"),
    )


def _from_uri(text: str) -> Access:
    parts = urlsplit(text)
    query = dict(parse_qsl(parts.query))
    extra = json.loads(query["__extra__"]) if "__extra__" in query else query
    login = unquote(parts.username) if parts.username else None
    password, host = unquote(parts.password or ""), unquote(parts.hostname or "")
    return access_from_fields(login, password, extra, conn_type=parts.scheme, host=host, port=parts.port)


def _extra_headers(extra: Mapping[str, object]) -> dict[str, str]:
    more = extra.get("headers") or {}
    if not isinstance(more, Mapping):
        raise AccessError("extra.headers must be an object of header names and values")
    headers = {str(name): str(value) for name, value in more.items()}
    if extra.get("edge_key"):
        headers[EDGE_KEY_HEADER] = str(extra["edge_key"])
    if extra.get("bearer"):
        headers["Authorization"] = f"Bearer {extra['bearer']}"
    if any("\n" in part or "\r" in part for pair in headers.items() for part in pair):
        raise AccessError("a header name or value in the connection's extra contains a line break")
    return headers


def _echoes(secret: str) -> set[str]:
    """The secret as a site or a report may write it back: as it is, encoded, and encoded within something encoded.

    A report in XML that quotes a page in HTML has it escaped twice. Of most secrets all these forms are the same.
    """
    once = {secret, *_encoded(secret)}
    return once.union(*(_encoded(form) for form in once))


def _encoded(text: str) -> set[str]:
    """The text as HTML and XML, URL, form and JSON write it, each in the spellings that are in use."""
    bare = escape(text, quote=False)
    markup = {bare.replace('"', double).replace("'", single) for double in _DOUBLE for single in _SINGLE}
    urls = {quote(text, safe=safe) for safe in ("", "/", "!'()*", "!'()*;/?:@&=+$,#")} | {quote_plus(text)}
    urls |= {_PERCENT.sub(lambda found: found[0].lower(), url) for url in urls}
    plain, ascii_only = (json.dumps(text, ensure_ascii=only)[1:-1] for only in (False, True))
    in_script = "".join(f"\\u{ord(sign):04x}" if sign in "<>&'" else sign for sign in ascii_only)
    return markup | urls | {plain, ascii_only, in_script, plain.replace("/", "\\/")}


def _encode(basic: tuple[str, str]) -> str:
    return b64encode(f"{basic[0]}:{basic[1]}".encode()).decode("ascii")
