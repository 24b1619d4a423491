"""Which pages show all gates, and one gate? Imported in the API server only.

Both ask for Airflow's login. They run no script, fetch nothing and can be framed by Airflow alone; they stay on Airflow's
origin, without which a click from one to the next would carry no login. Nothing in them comes from a site as anything
but text.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from fastapi import Depends, FastAPI, HTTPException, Request
from starlette.responses import HTMLResponse, Response

from stage_gate.acting.runs import DAG_ID_PREFIX
from stage_gate.evidence.files import EvidenceError
from stage_gate.evidence.signing import Keys
from stage_gate.evidence.store import Evidence, executions_of
from stage_gate.pages.names import gate_of
from stage_gate.pages.pinned_gate import gate_pinned_in
from stage_gate.telling.addresses import PAGES, Addresses
from stage_gate.telling.gate_page import read_gate_page, render_gate
from stage_gate.telling.glance import Memory
from stage_gate.telling.releases_page import Filter, Known, read_lines, render_releases
from stage_gate.telling.rendering import render
from stage_gate.telling.served_file import HEADERS, NOTHING

log = logging.getLogger(__name__)

_HOST = re.compile(r"[A-Za-z0-9.:\[\]_-]+")
_POLICY = f"sandbox allow-same-origin allow-forms allow-popups; {NOTHING}; style-src 'unsafe-inline'"


@dataclass(frozen=True)
class Deployment:
    """Where this Airflow keeps things, and what it believes."""

    store: Callable[[], Path]
    keys: Callable[[], Keys]
    gates_seen_by: Callable[[Any, Path], list[Known]]
    airflow: str = ""
    """What addresses in Airflow begin with."""
    gates_folder: Callable[[], Path] = Path
    memory: Memory = field(default_factory=Memory)

    def addresses(self, *, framed: bool) -> Addresses:
        return Addresses(self.airflow, framed)


def create_pages(deployment: Deployment) -> FastAPI:
    """The application to mount at ``/stage-gate/pages``."""
    app = FastAPI(
        title="Stage Gate: pages", openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False
    )
    app.add_exception_handler(HTTPException, _refused)
    html: dict[str, Any] = {"response_class": HTMLResponse}
    may_read = Depends(requires_access_dag("GET", DagAccessEntity.RUN))

    @app.get("/releases", **html)
    def releases(
        request: Request, user: GetUserDep, name: str = "", tag: str = "", framed: bool = False
    ) -> Response:
        """All gates that this person may see."""
        now = datetime.now(UTC)
        try:
            store, keys = deployment.store(), deployment.keys()
        except (OSError, ValueError, EvidenceError) as error:
            return said("The evidence store can't be opened.", str(error), 503)
        known = deployment.gates_seen_by(user, store)
        lines = read_lines(known, store, keys, deployment.memory, now)
        action = f"{deployment.airflow}{PAGES}/releases"
        page = render_releases(
            lines, deployment.addresses(framed=framed), now, Filter(name[:200], tag[:200]), action
        )
        return answered(page, f"form-action {_without_query(request)}")

    @app.get("/gate/{dag_id}", dependencies=[may_read], **html)
    def gate(dag_id: str, framed: bool = False) -> Response:
        """One gate."""
        name = gate_of(dag_id)
        if name is None:
            return said("This Dag is no gate.", f"A gate's Dag is called {DAG_ID_PREFIX}<gate>.", 404)
        now = datetime.now(UTC)
        try:
            store, keys = deployment.store(), deployment.keys()
        except (OSError, ValueError, EvidenceError) as error:
            return said("The evidence store can't be opened.", str(error), 503)
        seen = read_gate_page(
            store, name, _newest_gate(deployment, store, name, keys), keys, deployment.memory
        )
        return answered(render_gate(seen, deployment.addresses(framed=framed), now))

    return app


def _without_query(request: Request) -> str:
    """The page's own address, the only one that its form may lead to."""
    netloc = request.url.netloc
    return f"{request.url.scheme}://{netloc}{request.url.path}" if _HOST.fullmatch(netloc) else "'none'"


def _newest_gate(deployment: Deployment, store: Path, name: str, keys: Keys) -> Any:
    try:
        newest = executions_of(store, name)[-1:]
        pins = [Evidence(store, name, each, keys).read_pin() for each in newest]
    except EvidenceError as error:
        log.warning("What gate %s does can't be read: %s", name, error)
        return None
    return gate_pinned_in(pins[0], deployment.gates_folder()) if pins else None


def answered(page: str, form: str = "form-action 'none'", status: int = 200) -> Response:
    """A page of ours, with its policy."""
    policy = _POLICY.replace("form-action 'none'", form)
    return HTMLResponse(page, status, {**HEADERS, "Content-Security-Policy": policy})


def said(what: str, why: str, status: int) -> Response:
    """A page that says only why there is no other."""
    return answered(render("said.html", addresses=Addresses(), what=what, why=why), status=status)


async def _refused(request: Request, error: Exception) -> Response:
    """Who is not logged in, or may not see it, is told so, and what to do."""
    assert isinstance(error, HTTPException)
    if error.status_code == 401:
        return said("You are not logged in.", "Log in to Airflow, then open this page again.", 401)
    return said(
        "You may not see this.", "Ask whoever gives rights in this Airflow for reading runs of its Dag.", 403
    )
