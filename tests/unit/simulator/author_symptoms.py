"""How does each defect that authors meet show itself on the simulated site?"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

from simulator.aem import AemEnvironment
from simulator.aem.desk import TEMPLATES, TOKEN
from simulator.aem.exchange import Ask, Reply
from unit.simulator.aem_visitor import ask

_PARENT = "/content/larkfell/us/en"
_NAME = "stage-gate-symptom"
_LIBRARY = "/libs/clientlibs/granite/coral.css"
_AGENTS = "/libs/sling/distribution/services/agents.3.json"
_QUEUES = "/libs/sling/distribution/services/agents/publish/queues.1.json"


def as_author(aem: AemEnvironment, path: str, method: str = "GET", body: bytes = b"") -> Reply:
    """One request of a technical account with all rights."""
    aem.accepts_token = lambda token: True
    headers = {"authorization": "Bearer good", "csrf-token": TOKEN}
    return aem.answer_author(Ask(method, path, "", headers, body))


def command(aem: AemEnvironment, command_path: str, **fields: str) -> int:
    return as_author(aem, command_path, "POST", urlencode(fields).encode()).status


def create(aem: AemEnvironment) -> int:
    return command(
        aem,
        "/bin/wcmcommand",
        cmd="createPage",
        parentPath=_PARENT,
        label=_NAME,
        template=TEMPLATES[0],
        title="A",
    )


def _published(aem: AemEnvironment) -> Reply:
    """How publish answers for a page that was created and published before."""
    aem.desk.pages[f"{_PARENT}/{_NAME}"] = "A"
    command(aem, "/bin/replicate.json", cmd="Activate", path=f"{_PARENT}/{_NAME}")
    return ask(aem, f"/us/en/{_NAME}.html?once")


def _taken_back(aem: AemEnvironment) -> Reply:
    _published(aem)
    command(aem, "/bin/replicate.json", cmd="Deactivate", path=f"{_PARENT}/{_NAME}")
    return ask(aem, f"/us/en/{_NAME}.html?again")


def _fragment(aem: AemEnvironment) -> int:
    body = b'{"properties": {"cq:model": "/conf/larkfell/settings/dam/cfm/models/adventure"}}'
    return as_author(aem, "/api/assets/larkfell/one", "POST", body).status


SYMPTOMS: dict[str, Callable[[AemEnvironment], bool]] = {
    "console_error": lambda aem: as_author(aem, "/assets.html").status == 500,
    "editor_lost": lambda aem: not as_author(aem, f"/editor.html{_PARENT}.html").body,
    "console_style_404": lambda aem: as_author(aem, _LIBRARY).status == 404,
    "template_broken": lambda aem: create(aem) == 500,
    "model_broken": lambda aem: _fragment(aem) == 500,
    "antisamy_broken": lambda aem: b'"ok"' not in as_author(aem, "/libs/cq/xssprotection.json", "POST").body,
    "queue_blocked": lambda aem: b"BLOCKED" in as_author(aem, _AGENTS).body,
    "queue_long": lambda aem: b'"itemsCount":900' in as_author(aem, _QUEUES).body,
    "publish_lost": lambda aem: _published(aem).status == 404,
    "unpublish_lost": lambda aem: b"<title>A<" in _taken_back(aem).body,
    "new_pages_kept_for_a_month": lambda aem: "2592000" in _published(aem).headers.get("cache-control", ""),
}
