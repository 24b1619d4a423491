"""Which paths do the evidence pages have, and who may open them? Imported in the API server only.

``/run/<dag>/<run>`` asks for Airflow's login and the right to read runs of that Dag; it leads to the release's page by a
ticket. ``/file/<ticket>/<path>`` asks for the ticket alone and never looks at a cookie. Everything comes with ``sandbox``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import requires_access_dag
from fastapi import Depends, FastAPI
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from stage_gate.evidence.pin import execution_id_of
from stage_gate.evidence.signing import NO_KEYS, Keys
from stage_gate.evidence.store import Evidence
from stage_gate.pages.names import gate_of
from stage_gate.pages.release import page_of, page_without
from stage_gate.pages.tickets import NoTicket, Ticket, Tickets
from stage_gate.telling.addresses import Addresses
from stage_gate.telling.served_file import (
    HEADERS,
    NOTHING,
    REPORT_POLICY,
    NoSuchFile,
    Served,
    framed_by,
    serve,
)

PAGE = "release.html"
"""The page of the release, written as it is asked for; ``report.html`` beside it is as the run wrote it last."""
_NO_EVIDENCE = "There is no such file in the evidence.\n"
_OVER = "This address is over. Open the page from Airflow again.\n"
_BY_HAND = (
    "This run names no execution: it was started by hand and led to the execution's own run, where its page is. The note "
    "and the link of its task start_execution_run say which."
)
_POLICY = f"sandbox; {NOTHING}"
_NO_GATE = "This Dag is no gate, so its runs have no release."


def create_app(
    store: Callable[[], Path],
    tickets: Tickets,
    elsewhere: str = "",
    *,
    keys: Callable[[], Keys] = lambda: NO_KEYS,
    airflow: str = "",
    gates_folder: Callable[[], Path] = Path,
) -> FastAPI:
    """The application to mount. ``elsewhere`` is the address of another host on which it is served too, so that a
    browser has no cookie of Airflow's for it; ``airflow`` is what addresses in Airflow begin with."""
    app = FastAPI(
        title="Stage Gate: evidence", openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False
    )
    may_read = Depends(requires_access_dag("GET", DagAccessEntity.RUN))
    plain: dict[str, Any] = {"response_class": PlainTextResponse}
    answers = _Answers(framed_by(airflow if elsewhere else ""))

    @app.get("/run/{dag_id}/{run_id}", dependencies=[may_read], **plain)
    async def open_page(dag_id: str, run_id: str, framed: bool = False) -> Response:
        """Lead somebody who is logged in to the page of a run's release."""
        gate, execution_id = gate_of(dag_id), execution_id_of(run_id)
        if gate is None or execution_id is None:
            return answers.page(page_without(_NO_GATE if gate is None else _BY_HAND), 404)
        ticket = tickets.write(Ticket(gate, execution_id))
        base = f"{elsewhere.rstrip('/')}/file" if elsewhere else "../../file"
        there = f"{base}/{ticket}/{PAGE}{'?framed=1' if framed else ''}"
        return answers.way_to(there)

    @app.get("/file/{ticket}/{name:path}", **plain)
    def send_file(ticket: str, name: str, framed: bool = False) -> Response:
        """The page of the release that the ticket opens, or a file of its evidence."""
        try:
            opened = tickets.read(ticket)
        except NoTicket:
            return answers.said(_OVER, 403)
        if name == PAGE:
            return answers.page(page_of(opened, store, keys, gates_folder, Addresses(airflow, framed)))
        try:
            file = serve(Evidence(store(), opened.gate, opened.execution_id).folder, name)
        except (NoSuchFile, OSError):
            return answers.said(_NO_EVIDENCE, 404)
        return answers.file(file)

    return app


@dataclass(frozen=True)
class _Answers:
    """What is answered, each with its policy."""

    shown: Callable[[dict[str, str]], dict[str, str]]
    """Says in the headers who may frame it."""

    def page(self, content: str, status: int = 200) -> Response:
        return HTMLResponse(content, status, self._headers(REPORT_POLICY))

    def said(self, sentence: str, status: int) -> Response:
        return PlainTextResponse(sentence, status, self._headers(_POLICY))

    def way_to(self, there: str) -> Response:
        return Response(status_code=303, headers={**self._headers(_POLICY), "Location": there})

    def file(self, file: Served) -> Response:
        return Response(file.content, media_type=file.media_type, headers=self.shown(file.headers))

    def _headers(self, policy: str) -> dict[str, str]:
        return self.shown({**HEADERS, "Content-Security-Policy": policy})
