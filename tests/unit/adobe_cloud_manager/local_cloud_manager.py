"""Which documents and which small server do the tests share? A local Cloud Manager with one pipeline."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from adobe_cloud_manager.models import Execution

PROGRAM, PIPELINE, EXECUTION = "12345", "678901", "2345678"
REL = "http://ns.adobe.com/adobecloud/rel/"
STEPS = (
    ("validate", None),
    ("build", None),
    ("codeQuality", None),
    ("buildImage", None),
    ("deploy", "stage"),
    ("productTest", "stage"),
    ("functionalTest", "stage"),
    ("uiTest", "stage"),
    ("contentAudit", "stage"),
    ("approval", "prod"),
    ("schedule", "prod"),
    ("deploy", "prod"),
)
NAMES = tuple(f"{action}:{kind}" if action == "deploy" else action for action, kind in STEPS)
ENDED = ("FINISHED", "CANCELLED", "FAILED", "ERROR")
Json = dict[str, Any]


def step_json(name: str, status: str, *, execution: str = EXECUTION, **more: Any) -> Json:
    """A step state as Adobe sends it, with the links that its status has."""
    position = NAMES.index(name)
    action, kind = STEPS[position]
    base = f"/api/program/{PROGRAM}/pipeline/{PIPELINE}/execution/{execution}"
    base = f"{base}/phase/{position // 4}/step/{position}"
    rels = ["logs"] if status not in ("NOT_STARTED", "WAITING") else []
    rels += ["advance", "cancel"] if status == "WAITING" else []
    links = {"self": {"href": base}} | {f"{REL}pipeline/{rel}": {"href": f"{base}/{rel}"} for rel in rels}
    step = {
        "_links": links,
        "id": f"9{position}",
        "stepId": str(position),
        "phaseId": str(position // 4),
        "executionId": execution,
        "pipelineId": PIPELINE,
        "programId": PROGRAM,
        "action": action,
        "status": status,
        "updatedAt": f"2026-11-02T10:{position:02d}:30.000+0000",
        "details": {},
    }
    if kind:
        step |= {"environmentType": kind, "environmentId": f"77{kind}"}
    if status != "NOT_STARTED":
        step["startedAt"] = f"2026-11-02T10:{position:02d}:00.000+0000"
    if status in ("FINISHED", "INCOMPLETE", "FAILED", "CANCELLED", "ERROR", "ROLLED_BACK"):
        step["finishedAt"] = f"2026-11-02T10:{position:02d}:30.000+0000"
    if action in ("build", "codeQuality"):
        step["commitId"] = "0123456789abcdef"
    return step | more


def execution_json(
    at: str = "build",
    step: str = "RUNNING",
    status: str = "RUNNING",
    *,
    id: str = EXECUTION,
    without: tuple[str, ...] = ("schedule",),
    changes: dict[str, str] | None = None,
    **more: Any,
) -> Json:
    """An execution that has come as far as the step ``at``, whose status is ``step``."""
    reached = NAMES.index(at)
    steps = []
    for position, name in enumerate(NAMES):
        usual = "FINISHED" if position < reached else "NOT_STARTED"
        now = (changes or {}).get(name, step if position == reached else usual)
        steps += [] if name in without else [step_json(name, now, execution=id)]
    document = {
        "id": id,
        "programId": PROGRAM,
        "pipelineId": PIPELINE,
        "status": status,
        "trigger": "MANUAL",
        "createdAt": "2026-11-02T10:00:00.000+0000",
        "artifactsVersion": "2026.1102.100000.0002345678",
        "_embedded": {"stepStates": steps},
    }
    return document | more


def execution(*args: Any, **kwargs: Any) -> Execution:
    """As ``execution_json``, parsed."""
    return Execution.parse(execution_json(*args, **kwargs))


@dataclass
class Reply:
    """What the server answers; ``body`` is JSON unless it is bytes. ``cut`` closes the connection instead."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False


@dataclass
class LocalCloudManager:
    """A local server with one pipeline. ``looks`` are the answers to GET execution; the last one stays.

    ``current`` is the answer to GET current execution, whatever the looks show: how often and when a wait asks for it
    depends on the time that the looks took.
    """

    url: str = ""
    looks: list[Json | Reply] = field(default_factory=lambda: [execution_json()])
    current: Json | Reply = field(default_factory=lambda: execution_json())
    history: list[Json] = field(default_factory=list)
    log: str = "first line\nlast line"
    act: Callable[[str, Json], Reply] = lambda verb, body: Reply(202)
    requests: list[tuple[str, str, Json | None]] = field(default_factory=list)

    @property
    def acts(self) -> list[tuple[str, str, Json | None]]:
        """The PUTs that arrived."""
        return [request for request in self.requests if request[0] == "PUT"]

    def count(self, ending: str) -> int:
        """How many GETs of a path with this ending arrived."""
        return sum(method == "GET" and path.endswith(ending) for method, path, _ in self.requests)

    def answer(self, method: str, path: str, body: Json | None) -> Reply:
        """The answer to one request."""
        self.requests.append((method, path, body))
        if path.startswith("/ims/"):
            return Reply(
                200, {"access_token": "not-a-real-token", "token_type": "bearer", "expires_in": 86399}
            )
        if method == "PUT":
            return self.act(path.rsplit("/", 1)[1], body or {})
        if path.endswith("/logs"):
            return Reply(200, {"redirect": f"{self.url}/blob"})
        if path == "/blob":
            return Reply(200, self.log.encode())
        return self._read(path.split("?")[0])

    def _read(self, path: str) -> Reply:
        if path.endswith("/executions"):
            return Reply(200, {"_embedded": {"executions": self.history}})
        if path.endswith("/execution"):
            found = self.current
        elif path.endswith(f"/execution/{EXECUTION}"):
            found = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        else:
            found = Reply(404, {"title": "Not found"})
        return found if isinstance(found, Reply) else Reply(200, found)


@contextmanager
def served(double: LocalCloudManager) -> Iterator[LocalCloudManager]:
    """Serve it on a free port of this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(double))
    double.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield double
    finally:
        server.shutdown()
        server.server_close()


def environment(url: str) -> dict[str, str]:
    """The variables that point Airflow's hooks at the server."""
    connection = {
        "conn_type": "adobe_cloud_manager",
        "login": "client",
        "password": "not-a-real-secret",
        "extra": {"org_id": "0123456789ABCDEF01234567@AdobeOrg"},
    }
    return {
        "AIRFLOW__ADOBE_CLOUD_MANAGER__API_URL": url,
        "AIRFLOW__ADOBE_CLOUD_MANAGER__IMS_URL": url,
        "AIRFLOW__ADOBE_CLOUD_MANAGER__REQUESTS_PER_MINUTE": "100000",
        "AIRFLOW_CONN_CLOUD_MANAGER_DEFAULT": json.dumps(connection),
    }


def _handler(double: LocalCloudManager) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else each answer waits 40 ms for an acknowledgement

        def _serve(self) -> None:
            raw = self.rfile.read(int(self.headers.get("content-length") or 0))
            body = json.loads(raw) if raw and "json" in self.headers.get("content-type", "") else None
            reply = double.answer(self.command, self.path, body)
            if reply.cut:
                self.close_connection = True
                return
            payload = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body or {}).encode()
            self.send_response(reply.status)
            for name, value in ({"content-type": "application/json"} | reply.headers).items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        do_GET = do_POST = do_PUT = _serve

        def log_message(self, *_: Any) -> None:
            """Keep the test's output clean."""

    return Handler
