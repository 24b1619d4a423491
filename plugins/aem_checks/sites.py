"""What does a site look like in a gate file: its addresses, its pages, its build marker?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from aem_checks.access_names import AccessName
from aem_checks.coverage.settings import CoverageSettings
from aem_checks.network_guard.address import plain_name, refused_spelling
from aem_checks.urls import fault_of

if TYPE_CHECKING:
    from aem_checks.response import Response

Target = Literal["stage", "production"]
"""Which of a site's two addresses is meant."""

RESERVED_NAMES = frozenset({"stage", "production", "suites", "cloud_manager", "smoke_tests", "tasks"})
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")


def check_name(value: str) -> str:
    """Accept what can be part of a task id and of a folder's name. Raises ``ValueError``."""
    if not _NAME.fullmatch(value):
        raise ValueError(
            f"{value!r} cannot be a name; use up to 60 lower-case letters, digits, '-' and '_', "
            "beginning with a letter or digit"
        )
    return value


def check_pattern(value: str) -> str:
    """Accept a regular expression that compiles. Raises ``ValueError`` with the position of the mistake."""
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(
            f"the expression {value!r} does not compile: {error}; correct it, or escape special characters"
        ) from error
    return value


Name = Annotated[str, AfterValidator(check_name)]
Pattern = Annotated[str, AfterValidator(check_pattern)]


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Endpoint(_Settings):
    """One address of a site. In a gate file it is a mapping, or just the address."""

    url: str
    """Scheme and host, such as ``https://www.wknd.site``; no path, no user name."""
    access: AccessName | None = None
    """Airflow connection of type HTTP or Generic with basic auth, header or bearer token; none for an open site."""
    origin: str | None = None
    """AEM's own address behind the customer's CDN, where ``url`` is not the one that Cloud Manager lists."""
    private: bool = False
    """Its name may resolve to a private address, as in a company's own network; such addresses are refused else.
    Link-local addresses and metadata services of clouds always are."""

    @model_validator(mode="before")
    @classmethod
    def _from_address(cls, value: Any) -> Any:
        return {"url": value} if isinstance(value, str) else value

    @field_validator("url", "origin")
    @classmethod
    def _only_host(cls, value: str | None) -> str | None:
        return None if value is None else base_url(value)

    @property
    def host(self) -> str:
        """Host, with the port where one is written, in lower case."""
        return urlsplit(self.url).netloc

    @property
    def identity(self) -> str:
        """The address by which Cloud Manager knows it: ``origin`` where there is one, else ``url``."""
        return self.origin or self.url

    @property
    def hosts(self) -> frozenset[str]:
        """``host`` and the host of ``origin``."""
        return frozenset(urlsplit(url).netloc for url in (self.url, self.origin) if url)


def base_url(value: str) -> str:
    """Normalise an address to scheme and host. Raises ``ValueError`` for anything more or less than that, and for a
    host that no gate may contact."""
    try:
        parts = urlsplit(value.strip())
        port = parts.port
    except ValueError as error:
        raise ValueError("the address cannot be read; write it like https://www.example.com") from error
    if parts.username is not None or parts.password is not None:
        raise ValueError(
            "the address holds a user name or password; put them into an Airflow connection and name it "
            "with 'access:'"
        )
    if parts.scheme not in ("http", "https") or not parts.hostname or any(c.isspace() for c in value.strip()):
        raise ValueError(f"{_short(value)} is not a web address; write it like https://www.example.com")
    if "*" in parts.hostname:
        raise ValueError(f"{_short(value)} stands for many hosts; write the one that is meant")
    name = _contactable(value, parts.hostname)
    if fault := fault_of(value.strip()):
        raise ValueError(f"{_short(value)} {fault}; write it like https://www.example.com")
    host = f"[{name}]" if ":" in name else name
    base = f"{parts.scheme}://{host}" + (f":{port}" if port and port != _DEFAULT_PORT[parts.scheme] else "")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(
            f"{_short(value)} is more than scheme and host; write {base} and put paths under 'pages:'"
        )
    return base


_AUTHOR = re.compile(r"https?://author-(?P<environment>p\d+-e\d+\.adobeaemcloud\.com)")
"""Adobe's own name of an author service."""
_DEFAULT_PORT = {"http": 80, "https": 443}


def _contactable(value: str, host: str) -> str:
    """The host as it is looked up. Raises ``ValueError`` for one that is never contacted."""
    name = plain_name(host)
    if why := refused_spelling(name):
        raise ValueError(
            f"{_short(value)} {why}, so no gate contacts it; write the site's own name, or its address in the "
            "usual notation"
        )
    if not name or not name.isascii():
        raise ValueError(f"{_short(value)} names no host; write it like https://www.example.com")
    return name


def _short(value: str) -> str:
    return repr(value if len(value) <= 80 else value[:77] + "...")


def check_path(value: str) -> str:
    """Accept a path such as ``/us/en.html``; raise ``ValueError`` saying which path was probably meant."""
    if "://" in value or value.startswith("//"):
        path = urlsplit(value).path or "/"
        raise ValueError(f"{_short(value)} is an address; write its path only: {path}")
    if not value.startswith("/"):
        raise ValueError(f"{_short(value)} does not begin with '/'; write /{value.lstrip('./')}")
    if "#" in value or any(c.isspace() or ord(c) < 32 for c in value):
        raise ValueError(
            f"{_short(value)} holds a '#', a space or a control character; remove it, or write %23 or %20"
        )
    return value


_LABEL = r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?"
_ALLOWED_HOST = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*(?::\d{{1,5}})?|\[[0-9a-f:.]+\](?::\d{{1,5}})?")


def check_host(value: str) -> str:
    """Accept a host such as ``fonts.example.com``, ``*.example.com`` or ``cdn.example.com:8443``, in lower case."""
    host = value.strip().lower().rstrip(".")
    if "://" in host:
        raise ValueError(f"{_short(value)} is an address; write its host only: {urlsplit(host).netloc}")
    if not _ALLOWED_HOST.fullmatch(host) or (host.startswith("*.") and "." not in host[2:]):
        raise ValueError(
            f"{_short(value)} is no host; write it like fonts.example.com, *.example.com or cdn.example.com:8443"
        )
    _contactable(value, urlsplit(f"//{host.removeprefix('*.')}").hostname or "")
    return host


PagePath = Annotated[str, AfterValidator(check_path)]
AllowedHost = Annotated[str, AfterValidator(check_host)]


class Marker(_Settings):
    """Where a page says something of whoever answers.

    The first group of ``pattern`` is it, looked for in ``header``, else in the content of the HTML element
    ``<meta name=...>`` named by ``meta``, else in the whole body.
    """

    called: ClassVar[str] = "marker"
    """How a gate file calls it."""

    path: PagePath = "/"
    """The page that is asked, past all caches."""
    header: str | None = None
    """The header that says it."""
    meta: str | None = None
    """The name of the element ``<meta>`` that says it."""
    pattern: Pattern = "(.+)"
    """A regular expression whose first group is what is looked for."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.header and self.meta:
            raise ValueError(f"{self.called} names both a header and a meta element; keep one of them")
        if re.compile(self.pattern).groups < 1:
            raise ValueError(
                f"the pattern {self.pattern!r} has no group; put round brackets around the marker"
            )
        if not (self.header or self.meta) and self.pattern == "(.+)":
            raise ValueError(
                f"{self.called} does not say where the marker is; add 'header:', 'meta:' or a 'pattern:' for "
                "the body"
            )
        return self

    def find(self, response: Response) -> str | None:
        """What an answer says there; ``None`` when it says nothing."""
        if self.header:
            text = response.headers.get(self.header)
        elif self.meta:
            text = _meta(response, self.meta)
        else:
            text = response.text
        found = re.search(self.pattern, text) if text else None
        return found.group(1) if found else None


def _meta(response: Response, name: str) -> str | None:
    for node in response.document.css("meta[name][content]"):
        if node.attributes.get("name") == name:
            return node.attributes.get("content")
    return None


class BuildMarker(Marker):
    """Where a page says which build made it, so that an old publish node is told from a new one.

    The first group of ``pattern`` is the marker, looked for in ``header``, else in the content of the HTML
    element ``<meta name=...>`` named by ``meta``, else in the whole body.
    """

    called = "build_marker"

    equals: Literal["commit", "artifacts_version"] = "commit"
    """What the marker has to be: the commit that Cloud Manager built (a prefix of 7 or more characters is
    enough), or the version of the artifacts that it deploys."""


class SiteConfig(_Settings):
    """One site of a gate: where stage and production are, and which pages stand for it."""

    name: Name = ""
    """Short name in task ids and reports; by default the first part of the host."""
    stage: Endpoint
    production: Endpoint | None = None
    author: Endpoint | None = None
    """The author service of stage, for checks that need it."""
    pages: tuple[PagePath, ...] = Field(min_length=1)
    """Paths, at least one per template, that are recorded and judged."""
    coverage: CoverageSettings | None = None
    """Record also pages that show, together with ``pages``, every component and template of stage; ``{}`` for the
    defaults. Off where absent, since it asks stage for its sitemap and many pages."""
    build_marker: BuildMarker | None = None
    requests_per_second: float = Field(default=10, gt=0, le=1000)
    """Limit per host, shared by all tasks and gates on a machine."""
    allow_hosts: tuple[AllowedHost, ...] = ()
    """Hosts of others that a browser may load from and whose links may be followed: ``fonts.example.com``,
    ``*.example.com``, ``cdn.example.com:8443``. No other host is contacted, and no credential is sent there."""

    @model_validator(mode="before")
    @classmethod
    def _named_after_its_host(cls, value: Any) -> Any:
        if not isinstance(value, dict) or value.get("name") is not None:
            return value
        name = default_name(value.get("production")) or default_name(value.get("stage"))
        return {**value, "name": name or "site"}

    @field_validator("stage", "production")
    @classmethod
    def _is_what_visitors_see(cls, endpoint: Endpoint | None) -> Endpoint | None:
        author = _AUTHOR.match(endpoint.identity) if endpoint is not None else None
        if author is not None and endpoint is not None:
            raise ValueError(
                f"{endpoint.identity} is an author service; write the publish service that visitors see, such as "
                f"https://publish-{author['environment']}, and put this one under 'author:'"
            )
        return endpoint

    @field_validator("pages")
    @classmethod
    def _each_once(cls, pages: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(pages))

    @field_validator("name")
    @classmethod
    def _not_reserved(cls, name: str) -> str:
        if name in RESERVED_NAMES:
            raise ValueError(
                f"{name!r} means something else here; choose another name for the site, such as main"
            )
        return name

    @model_validator(mode="after")
    def _stage_is_not_production(self) -> SiteConfig:
        common = self.stage.hosts & (self.production.hosts if self.production else frozenset())
        if common:
            raise ValueError(
                f"stage and production of site {self.name} have the same host {min(common)}; "
                "give each its own address"
            )
        return self

    def endpoint(self, target: Target) -> Endpoint:
        """The address of a target. Raises ``LookupError`` where the site has none."""
        found = self.stage if target == "stage" else self.production
        if found is None:
            raise LookupError(
                f"site {self.name} has no {target} address; add '{target}:' to it in the gate file"
            )
        return found

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """All that the site has: stage, production, author."""
        return tuple(each for each in (self.stage, self.production, self.author) if each is not None)

    @property
    def hosts(self) -> frozenset[str]:
        """Every host that checks of this site may contact, with the port where one is written."""
        return frozenset().union(*(endpoint.hosts for endpoint in self.endpoints))


def default_name(endpoint: Any) -> str:
    """A short name from an address: ``https://www.wknd.site`` gives ``wknd``; empty where that fails."""
    url = endpoint.get("url") if isinstance(endpoint, dict) else endpoint
    try:
        host = (urlsplit(url).hostname or "") if isinstance(url, str) else ""
    except ValueError:
        return ""
    if host.replace(".", "").isdigit() or ":" in host:
        return re.sub(r"[.:]+", "-", host).strip("-")[:60]
    label = host.removeprefix("www.").split(".")[0]
    return label if _NAME.fullmatch(label) and label not in RESERVED_NAMES else ""
