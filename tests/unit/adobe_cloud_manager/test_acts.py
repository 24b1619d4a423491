"""Promise 3 on the wire: an act is one PUT on one fresh connection, whatever comes back."""

from __future__ import annotations

import gzip
import json
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest
import requests
from tenacity import wait_none

from adobe_cloud_manager import exceptions as errors
from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook
from adobe_cloud_manager.hooks.single_put import WitnessAdapter, put_once
from unit.adobe_cloud_manager.adobe_double import Adobe
from unit.adobe_cloud_manager.answers_of_adobe import (
    EXECUTION_PATH,
    STEP_PATH,
    execution_document,
    links,
    step,
)
from unit.adobe_cloud_manager.local_server import HANG, RESET, SILENCE, LocalServer, reply
from unit.simulator.caller import eventually

ADVANCE = f"{STEP_PATH}/advance"
START = "/api/program/1/pipeline/2/execution"


def hook(**options: Any) -> CloudManagerHook:
    quick: dict[str, Any] = {"deadline": 120.0, "request_timeout": 60.0, "backoff": wait_none()}
    return CloudManagerHook(**(quick | options))


def puts(adobe: Adobe) -> list[str]:
    return adobe.server.paths("PUT")


def test_an_act_is_one_put_on_a_fresh_connection_with_adobes_headers(adobe: Adobe) -> None:
    adobe.routes[ADVANCE] = reply(202, headers={"x-request-id": "r-1"})
    adobe.routes[EXECUTION_PATH] = reply(200, execution_document())
    acting = hook()
    acting.get_execution("1", "2", "3")
    receipt = acting.advance(step(), {"approved": True})
    assert (receipt.status, receipt.request_id) == (202, "r-1")
    (put,) = [request for request in adobe.server.requests if request.method == "PUT"]
    assert put.target == ADVANCE
    assert json.loads(put.body) == {"approved": True}
    assert put.header("connection") == "close"
    assert put.header("authorization") == f"Bearer {adobe.tokens[0]}"
    assert put.header_names == {
        "host",
        "accept-encoding",
        "connection",
        "content-length",
        "x-gw-ims-org-id",
        "x-api-key",
        "authorization",
        "accept",
        "content-type",
        "user-agent",
    }
    others = [request.connection for request in adobe.server.requests if request is not put]
    assert put.connection not in others


def test_a_cancel_goes_to_the_cancel_link(adobe: Adobe) -> None:
    adobe.routes[f"{STEP_PATH}/cancel"] = reply(202)
    assert hook().cancel(step(), {"approved": False}).status == 202
    assert puts(adobe) == [f"{STEP_PATH}/cancel"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 412, 429])
def test_a_definite_refusal_is_not_sent_again_not_even_with_a_new_token(adobe: Adobe, status: int) -> None:
    adobe.routes[ADVANCE] = [reply(status, headers={"Retry-After": "0"}), reply(202)]
    with pytest.raises(errors.ActRefused) as caught:
        hook().advance(step(), {"approved": True})
    assert caught.value.status == status
    assert puts(adobe) == [ADVANCE]
    assert len(adobe.tokens) == 1


@pytest.mark.parametrize(
    "answer",
    [
        reply(500),
        reply(502),
        reply(503, headers={"Retry-After": "0"}),
        reply(200),
        reply(201),
        reply(204),
        reply(408),
        SILENCE,
        RESET,
        HANG,
        b"garbage\r\n\r\n",
        b"HTTP/1.1 2",
        b"HTTP/1.1 20",
        b"\x16\x03\x01 not http at all",
        b"HTTP/1.1 999999 Strange\r\n\r\n",
    ],
)
def test_anything_but_a_clear_answer_leaves_the_act_unknown_and_is_never_repeated(
    adobe: Adobe, answer: bytes
) -> None:
    adobe.routes[ADVANCE] = [answer, reply(202)]
    acting = hook()
    acting.log_in()
    acting.request_timeout = 0.5 if answer == HANG else acting.request_timeout
    with pytest.raises(errors.ActUnknown, match="read the state back"):
        acting.advance(step(), {"approved": True})
    eventually(lambda: puts(adobe))
    assert puts(adobe) == [ADVANCE]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["/api/program/1/elsewhere", "http://[::1/broken", "foreign"])
def test_a_redirected_act_is_not_replayed(adobe: Adobe, status: int, location: str) -> None:
    with LocalServer(lambda _: reply(202)) as elsewhere:
        target = elsewhere.url + ADVANCE if location == "foreign" else location
        adobe.routes[ADVANCE] = reply(status, headers={"Location": target})
        with pytest.raises(errors.ActUnknown):
            hook().advance(step(), {"approved": True})
        assert elsewhere.requests == []
    assert len(adobe.calls) == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 202 Accepted\r\nConnection: close\r\nContent-Length: 100\r\n\r\n{",
        b"HTTP/1.1 202 Accepted\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\nno gzip",
    ],
)
def test_a_clear_202_counts_although_its_body_is_broken(adobe: Adobe, answer: bytes) -> None:
    adobe.routes[ADVANCE] = [answer, answer]
    assert hook().advance(step(), {"approved": True}).status == 202
    read = put_once(f"{adobe.server.url}{ADVANCE}", headers={}, body=b"{}", timeout=60, what="the approval")
    assert (read.status, read.body) == (202, b""), "and nothing of it is taken for what Adobe said"


def test_a_clear_refusal_counts_although_its_body_breaks_off(adobe: Adobe) -> None:
    adobe.routes[ADVANCE] = b"HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 100\r\n\r\n{"
    with pytest.raises(errors.ActRefused):
        hook().advance(step(), {"approved": True})


def test_of_an_endless_answer_no_more_than_a_mebibyte_is_kept(adobe: Adobe) -> None:
    head = b"HTTP/1.1 202 Accepted\r\nConnection: close\r\n\r\n"
    adobe.routes[ADVANCE] = head + b"a" * (3 * 1024 * 1024)
    answer = put_once(f"{adobe.server.url}{ADVANCE}", headers={}, body=b"{}", timeout=60, what="The approval")
    assert (answer.status, len(answer.body)) == (202, 1024 * 1024)


def test_a_second_connection_for_one_act_is_prevented_whatever_the_library_below_does(adobe: Adobe) -> None:
    adobe.routes[ADVANCE] = [reply(202, headers={"Connection": "close"}), reply(202)]
    adapter = WitnessAdapter()
    assert adapter.connected is False
    assert (adapter.max_retries.total, adapter._pool_connections, adapter._pool_maxsize) == (0, 1, 1)
    with requests.Session() as session:
        session.mount("http://", adapter)
        assert session.put(f"{adobe.server.url}{ADVANCE}", timeout=60).ok
        assert adapter.connected
        with pytest.raises(OSError, match="A second connection for one act was prevented"):
            session.put(f"{adobe.server.url}{ADVANCE}", timeout=60)
    assert puts(adobe) == [ADVANCE]


def test_where_nobody_listens_nothing_was_sent(adobe: Adobe, monkeypatch: pytest.MonkeyPatch) -> None:
    acting = hook()
    adobe.routes[EXECUTION_PATH] = reply(200, execution_document())
    acting.get_execution("1", "2", "3")
    adobe.server.__exit__(None, None, None)
    with pytest.raises(errors.NotSent, match=r"failed: ConnectionError \(.*refused\)\. Nothing was sent"):
        acting.advance(step(), {"approved": True})


def test_a_failed_tls_handshake_is_no_act(adobe: Adobe, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that speaks no TLS gets no byte of the request, only the handshake."""
    received: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            received.append(connection.recv(65536))
            connection.sendall(b"HTTP/1.1 202 Accepted\r\n\r\n")

    threading.Thread(target=serve, daemon=True).start()
    port = listener.getsockname()[1]
    monkeypatch.setenv("AIRFLOW__ADOBE_CLOUD_MANAGER__API_URL", f"https://127.0.0.1:{port}")
    with listener, pytest.raises(errors.NotSent):
        hook().advance(step(), {"approved": True})
    assert b"advance" not in b"".join(received)


def _no_link(_: Adobe) -> dict[str, Any]:
    return {"_links": {}}


def _foreign_host(_: Adobe) -> dict[str, Any]:
    return {"_links": links(advance=f"https://evil.example{ADVANCE}")}


def _other_execution(_: Adobe) -> dict[str, Any]:
    return {"_links": links(advance=ADVANCE.replace("execution/3", "execution/9"))}


def _other_verb(_: Adobe) -> dict[str, Any]:
    return {"_links": links(advance=f"{STEP_PATH}/cancel")}


@pytest.mark.parametrize("broken", [_no_link, _foreign_host, _other_execution, _other_verb])
def test_a_missing_or_foreign_link_is_never_acted_on(
    adobe: Adobe, broken: Callable[[Adobe], dict[str, Any]]
) -> None:
    with pytest.raises(errors.NotSent, match="Nothing was sent"):
        hook().advance(step(**broken(adobe)), {"approved": True})
    assert adobe.server.requests == []


def test_without_a_token_nothing_is_sent(adobe: Adobe) -> None:
    adobe.token_answers = [reply(400, {"error": "invalid_client", "error_description": "client_secret"})]
    with pytest.raises(errors.NotSent, match="secret is wrong") as caught:
        hook().advance(step(), {"approved": True})
    assert isinstance(caught.value.__cause__, errors.CredentialError)
    assert adobe.calls == []


def test_an_act_is_not_delayed_by_the_budget(adobe: Adobe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__ADOBE_CLOUD_MANAGER__REQUESTS_PER_MINUTE", "1")
    adobe.routes[EXECUTION_PATH] = reply(200, execution_document())
    adobe.routes[ADVANCE] = reply(202)
    hook().get_execution("1", "2", "3")
    assert hook().advance(step(), {"approved": True}).status == 202


def test_a_start_is_one_put_without_a_body(adobe: Adobe) -> None:
    adobe.routes[START] = reply(201, execution_document("77"), headers={"location": f"{START}/77"})
    assert hook().start_execution("1", "2").id == "77"
    (put,) = adobe.calls
    assert (put.method, put.body, put.header("content-type")) == ("PUT", b"", "application/json")


def test_an_answer_that_is_packed_although_nobody_asked_for_it_is_read(adobe: Adobe) -> None:
    packed = gzip.compress(json.dumps(execution_document("77")).encode())
    adobe.routes[START] = reply(201, body=packed, headers={"Content-Encoding": "gzip"})
    assert hook().start_execution("1", "2").id == "77"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (412, errors.Conflict),
        (404, errors.NotFound),
        (403, errors.PermissionDenied),
        (400, errors.InvalidRequest),
    ],
)
def test_a_refused_start_says_why(adobe: Adobe, status: int, kind: type[errors.CloudManagerError]) -> None:
    adobe.routes[START] = reply(status)
    with pytest.raises(kind):
        hook().start_execution("1", "2")
    assert len(adobe.calls) == 1


@pytest.mark.parametrize("answer", [reply(503), reply(200), reply(201, body=b"{"), SILENCE, RESET])
def test_a_start_without_a_clear_answer_is_unknown_and_not_repeated(adobe: Adobe, answer: bytes) -> None:
    adobe.routes[START] = answer
    with pytest.raises(errors.ActUnknown):
        hook().start_execution("1", "2")
    assert len(adobe.calls) == 1
