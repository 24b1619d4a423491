"""Where in AEM's repository does a file of a content package end up, and what do its folders say of it?"""

from __future__ import annotations

import re

_ESCAPED = re.compile(r"_([a-zA-Z0-9]+)_(.+)")
_DISPATCHER = re.compile(r"(?:^|.*/)conf(?:\.dispatcher)?\.d/(?:(.+?)/)?[^/]+")
_TEMPLATE = re.compile(r"/conf/.+?/settings/wcm/templates/([^/]+)(?:/(.*))?")
_POLICIES = re.compile(r"/conf/.+?/settings/wcm/policies/.*\.xml")
_INDEX = re.compile(r"/(?:oak:index|_oak_index)/([^/]+?)(?:\.xml)?(?:/.*)?")
_WORKFLOW = re.compile(
    r"/(?:conf/.+?/settings|var|etc)/workflow/(?:models|launcher)/(?:.*?/)?([^/.]+)(?:\.xml|/\..*|/jcr:content.*)?"
)
_RULE_FOLDERS = {
    "clientheaders": "client headers",
    "virtualhosts": "virtual hosts",
    "available_vhosts": "virtual hosts",
    "enabled_vhosts": "virtual hosts",
    "available_farms": "farms",
    "enabled_farms": "farms",
    "cache": "caching",
}  # fmt: skip


def jcr_path(path: str) -> str:
    """``/apps/wknd/components/teaser/cq:dialog/.content.xml``; empty for a file outside of ``jcr_root``."""
    _, mark, inside = f"/{path}".rpartition("/jcr_root/")
    if not mark:
        return ""
    return "/" + "/".join(_decoded(each) for each in inside.split("/"))


def _decoded(name: str) -> str:
    """``_cq_dialog`` is ``cq:dialog``, ``__x`` is ``_x``: the file vault's way to write names."""
    if name.startswith("__"):
        return name[1:]
    found = _ESCAPED.fullmatch(name)
    return f"{found[1]}:{found[2]}" if found else name


def dispatcher_part(path: str) -> str:
    """``filters``, ``rewrites``, ``virtual hosts`` of a dispatcher's configuration; empty for a file that is not of one."""
    if found := _DISPATCHER.fullmatch(path):
        folder = (found[1] or "").split("/")[0]
        return _RULE_FOLDERS.get(folder, folder) or "configuration"
    return ""


def template_of(jcr: str) -> tuple[str, str]:
    """Name of an editable template, and the part of it (``structure``, ``policies``, ``initial``); empty for none."""
    found = _TEMPLATE.fullmatch(jcr)
    if found is None or found[1].startswith((".", "rep:")):
        return "", ""
    return found[1], (found[2] or "").split("/")[0]


def is_policies(jcr: str) -> bool:
    """Whether it is the file, or one of the files, that hold all policies of a site."""
    return _POLICIES.fullmatch(jcr) is not None and "rep:policy" not in jcr


def index_of(jcr: str) -> str:
    """The name of an index definition; empty for another file, be it an access list below ``oak:index``."""
    found = _INDEX.fullmatch(jcr)
    return (
        ""
        if found is None or "rep:policy" in jcr or found[1].startswith("rep:")
        else found[1].removesuffix(".content")
    )


def workflow_of(jcr: str) -> str:
    """The name of a workflow model or launcher; empty for another file."""
    found = _WORKFLOW.fullmatch(jcr)
    return found[1] if found else ""


def content_root(jcr: str) -> str:
    """``/content/wknd`` of a file of content: what a person would call it."""
    return "/".join(
        jcr.split("/")[: 4 if jcr.startswith(("/content/dam/", "/content/experience-fragments/")) else 3]
    )
