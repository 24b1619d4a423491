"""Which variables does the source of a release use, where, and which of them have a default?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aem_checks.checkout import source
from aem_checks.kinds.parity._osgi import FILES, config_files

if TYPE_CHECKING:
    from aem_checks.asks import Steps

_OSGI = re.compile(r"\$\[(env|secret):([A-Za-z_][A-Za-z0-9_]{0,255})((?:;[^\]]{0,1000})?)\]")
_CDN = re.compile(r"\$\{\{([A-Za-z_][A-Za-z0-9_]{0,255})\}\}")
_APACHE = re.compile(r"\$\{([A-Z_][A-Z0-9_]{0,255})\}")
_DEFINED = re.compile(r"^[ \t]*Define[ \t]+([A-Za-z_][A-Za-z0-9_]{0,255})", re.MULTILINE)
_COMMENT = re.compile(r"^[ \t]*#.*$", re.MULTILINE)
_APACHE_FILES = ("**/conf.d/**", "**/conf.dispatcher.d/**")
_CDN_FILES = ("config/**/*.yaml", "config/**/*.yml", "**/config/cdn*.yaml", "**/config/cdn*.yml")
_OF_THE_IMAGE = frozenset(
    {
        *("AEM_HOST", "AEM_PORT", "AEM_HTTP_PROXY_HOST", "AEM_HTTP_PROXY_PORT", "AEM_HTTPS_PROXY_HOST"),
        *("AEM_HTTPS_PROXY_PORT", "AEM_PROXY_HOST", "AEM_NON_PROXY_HOSTS", "APACHE_LOG_DIR", "DISP_ID"),
        *(
            "DISP_LOG_LEVEL",
            "REWRITE_LOG_LEVEL",
            "EXPIRATION_TIME",
            "DOCROOT",
            "PUBLISH_DOCROOT",
            "ENVIRONMENT_TYPE",
        ),
        *(
            "COMMERCE_ENDPOINT",
            "CONTENT_FOLDER_NAME",
            "ALLOWED_IPS",
            "DISPATCHER_VERSION",
            "POD_NAME",
            "AEM_TIER",
        ),
        *("PUBLISH_DEFAULT_HOSTNAME", "AEM_IP", "HTTPD_PREFIX", "SRVROOT", "FORWARDED_HOST_SETTING"),
    }
)
"""Names that Adobe's own dispatcher image or its default files set."""


@dataclass(frozen=True, slots=True)
class Use:
    """One name in one file."""

    name: str
    path: str
    secret: bool | None
    has_default: bool
    environments: frozenset[str]
    """Targets whose instances read that file: ``stage``, ``production``, both or none."""


def uses() -> Steps[list[Use]]:
    """Every use of a variable in the release's commit. Raises ``CheckoutError``."""
    osgi = (yield from source(*FILES)).texts
    apache = (yield from source(*_APACHE_FILES)).texts
    everything = (yield from source(*_CDN_FILES)).texts
    cdn = {path: text for path, text in everything.items() if path not in apache}
    return [*_in_osgi(osgi), *_in_cdn(cdn), *_in_apache(apache)]


def _in_osgi(texts: Mapping[str, str]) -> Iterator[Use]:
    for file in config_files(texts):
        named = file.modes & {"dev", "rde", "stage", "prod"}
        targets = {"stage": "stage", "prod": "production"}
        read_by = (
            frozenset(targets[mode] for mode in named if mode in targets)
            if named
            else frozenset(targets.values())
        )
        for kind, name, rest in _OSGI.findall(texts[file.path]):
            yield Use(name, file.path, kind == "secret", ";default=" in rest, read_by)


def _in_cdn(texts: Mapping[str, str]) -> Iterator[Use]:
    for path, text in texts.items():
        for name in dict.fromkeys(_CDN.findall(_COMMENT.sub("", text))):
            yield Use(name, path, None, False, frozenset({"stage", "production"}))


def _in_apache(texts: Mapping[str, str]) -> Iterator[Use]:
    bare = {path: _COMMENT.sub("", text) for path, text in texts.items()}
    defined = {name for text in bare.values() for name in _DEFINED.findall(text)}
    for path, text in bare.items():
        for name in dict.fromkeys(_APACHE.findall(text)):
            if name not in defined | _OF_THE_IMAGE:
                yield Use(name, path, None, False, frozenset({"stage", "production"}))
