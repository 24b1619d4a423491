"""Both hooks against a real server: what goes over the wire, what comes back, what is tried again."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.bases.secrets_backend import BaseSecretsBackend
from tenacity import wait_fixed, wait_none

from adobe_cloud_manager import exceptions as errors
from adobe_cloud_manager.hooks.cloud_manager import CloudManagerAsyncHook, CloudManagerHook
from adobe_cloud_manager.models import Execution, StepState
from unit.adobe_cloud_manager.adobe_double import ORG, Adobe
from unit.adobe_cloud_manager.answers_of_adobe import (
    EXECUTION_PATH,
    STEP_PATH,
    execution_document,
    step,
    step_document,
)
from unit.adobe_cloud_manager.local_server import RESET, SILENCE, LocalServer, Received, reply
from unit.adobe_cloud_manager.virtual_time import every_answer_takes

TRANSPORT = {"host", "accept-encoding"}
ADOBES = {"x-gw-ims-org-id", "x-api-key", "authorization"}
PLAIN = {"accept", "user-agent"}
QUICK: dict[str, Any] = {"deadline": 120.0, "request_timeout": 60.0, "backoff": wait_none()}

Ask = Callable[[str, tuple[Any, ...]], Any]


def ask_by_requests(name: str, arguments: tuple[Any, ...], **options: Any) -> Any:
    return getattr(CloudManagerHook(**(QUICK | options)), name)(*arguments)


def ask_by_aiohttp(name: str, arguments: tuple[Any, ...], **options: Any) -> Any:
    async def asked() -> Any:
        reading: Awaitable[Any] = getattr(CloudManagerAsyncHook(**(QUICK | options)), name)(*arguments)
        return await reading

    return asyncio.run(asked())


both = pytest.mark.parametrize("ask", [ask_by_requests, ask_by_aiohttp], ids=["requests", "aiohttp"])


def execution_by(ask: Any, **options: Any) -> Execution:
    found: Execution = ask("get_execution", ("1", "2", "3"), **options)
    return found


@both
def test_exactly_adobes_three_headers_go_over_the_wire(
    ask: Any, adobe: Adobe, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Neither extras nor login and password of the connection, nor a .netrc, nor cookies add or change one."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    extra = {"org_id": ORG, "X-Team": "a", "headers": {"X-B": "c"}, "verify": False, "trust_env": True}
    monkeypatch.setenv(
        "AIRFLOW_CONN_CLOUD_MANAGER_DEFAULT",
        adobe.connection(extra=extra, host="https://evil.example", port=8443, schema="http"),
    )
    found = reply(200, execution_document(), headers={"Set-Cookie": "a=b; Path=/"})
    adobe.routes[EXECUTION_PATH] = [reply(503, headers={"Set-Cookie": "a=b; Path=/"}), found]
    execution_by(ask)
    for call in adobe.calls:
        assert call.header_names - TRANSPORT == ADOBES | PLAIN
        assert call.header("x-gw-ims-org-id") == ORG
        assert call.header("x-api-key") == adobe.client_id
        assert call.header("authorization") == f"Bearer {adobe.tokens[0]}"
        assert call.header("accept") == "application/json"
        assert str(call.header("user-agent")).startswith("aem-stage-gate/")
    assert len(adobe.calls) == 2


@both
def test_the_token_request_carries_a_form_and_no_header_of_the_api(ask: Any, adobe: Adobe) -> None:
    adobe.routes[EXECUTION_PATH] = reply(200, execution_document())
    execution_by(ask)
    (call,) = adobe.token_calls
    assert call.header_names - TRANSPORT == PLAIN | {"content-type", "content-length"}
    assert call.header("content-type") == "application/x-www-form-urlencoded"
    assert b"grant_type=client_credentials" in call.body
    assert adobe.client_secret not in call.target


@both
def test_a_plain_http_connection_works_as_well(
    ask: Any, adobe: Adobe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_PLAIN", adobe.connection(conn_type="http", host="https://evil.example"))
    adobe.routes[EXECUTION_PATH] = reply(200, execution_document())
    assert execution_by(ask, cloud_manager_conn_id="plain").id == "3"


@both
def test_a_connection_that_does_not_exist_is_named(ask: Any, adobe: Adobe) -> None:
    with pytest.raises(errors.CredentialError, match=r"'nowhere' does not exist\. It is made under Admin"):
        execution_by(ask, cloud_manager_conn_id="nowhere")


class Unreachable(BaseSecretsBackend):
    """A secrets backend that is down."""

    def get_conn_value(self, conn_id: str, team_name: str | None = None) -> str | None:
        raise ConnectionError("the vault does not answer")


@both
def test_a_secrets_backend_that_is_down_is_not_taken_for_a_missing_connection(
    ask: Any, adobe: Adobe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Airflow says of both that the connection is not defined."""
    backend = f"{Unreachable.__module__}.{Unreachable.__qualname__}"
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND", backend)
    with pytest.raises(errors.CredentialError, match=f"does not exist, or {backend} did not answer"):
        execution_by(ask, cloud_manager_conn_id="nowhere")


UNREADABLE = {
    '{"login": "s3cret", "password": }': "is no valid JSON (line 1, column 33)",
    '{"login": "s3cret", "colour": "s3cret"}': "has other fields than conn_type",
    '{"login": "s3cret", "port": "s3cret"}': "has other fields than conn_type",
    "s3cret": "is neither a connection URI nor JSON",
    '"s3cret"': "is neither a connection URI nor JSON",
    '["s3cret"]': "is neither a connection URI nor JSON",
    "http://[s3cret": "is no valid URI",
}
"""Texts of which Airflow says that the connection is not defined, or makes an empty one, and what is said of them."""


@both
@pytest.mark.parametrize("text", UNREADABLE)
def test_a_connection_that_cannot_be_read_is_said_to_be_that(
    ask: Any, adobe: Adobe, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_TYPED", text)
    with pytest.raises(errors.CredentialError) as caught:
        execution_by(ask, cloud_manager_conn_id="typed")
    said = str(caught.value)
    assert f"The connection 'typed' can't be read: AIRFLOW_CONN_TYPED {UNREADABLE[text]}" in said
    assert "does not exist" not in said
    assert "s3cret" not in said
    assert adobe.token_calls == []


@both
@pytest.mark.parametrize("extra", ["{no json", "[1]", "5"])
def test_an_extra_that_is_no_json_object_is_said_to_be_that(
    ask: Any, adobe: Adobe, monkeypatch: pytest.MonkeyPatch, extra: str
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_TYPED", adobe.connection(extra=extra))
    with pytest.raises(errors.CredentialError, match="The extra of connection 'typed' is not a JSON object"):
        execution_by(ask, cloud_manager_conn_id="typed")


@both
def test_scopes_pasted_as_the_developer_console_writes_them_reach_ims_as_a_list(
    ask: Any, adobe: Adobe, monkeypatch: pytest.MonkeyPatch
) -> None:
    extra = {"org_id": ORG, "scopes": '["openid","AdobeID"]'}
    monkeypatch.setenv("AIRFLOW_CONN_CLOUD_MANAGER_DEFAULT", adobe.connection(extra=extra))
    adobe.routes[EXECUTION_PATH] = reply(200, execution_document())
    execution_by(ask)
    [asked] = adobe.token_calls
    assert b"scope=openid%2CAdobeID&" in asked.body + b"&"


@both
def test_a_secret_pasted_with_its_quotation_marks_is_refused_before_ims_sees_it(
    ask: Any, adobe: Adobe, monkeypatch: pytest.MonkeyPatch
) -> None:
    quoted = adobe.connection(password=f'"{adobe.client_secret}"')
    monkeypatch.setenv("AIRFLOW_CONN_CLOUD_MANAGER_DEFAULT", quoted)
    with pytest.raises(errors.CredentialError, match=r"quotation marks .* remove them"):
        execution_by(ask)
    assert adobe.token_calls == []


@both
def test_one_token_serves_until_it_expires(ask: Any, adobe: Adobe) -> None:
    adobe.routes[EXECUTION_PATH] = reply(200, execution_document())
    for _ in range(3):
        execution_by(ask)
    assert len(adobe.token_calls) == 1


def test_tasks_and_triggers_of_one_process_share_the_token(adobe: Adobe) -> None:
    adobe.routes[EXECUTION_PATH] = reply(200, execution_document())
    execution_by(ask_by_requests)
    execution_by(ask_by_aiohttp)
    assert len(adobe.token_calls) == 1


def test_many_triggers_that_start_at_once_ask_for_one_token(adobe: Adobe) -> None:
    adobe.routes[EXECUTION_PATH] = reply(200, execution_document())

    async def all_at_once() -> None:
        hooks = [CloudManagerAsyncHook(**QUICK) for _ in range(20)]
        await asyncio.gather(*(hook.get_execution("1", "2", "3") for hook in hooks))

    asyncio.run(all_at_once())
    assert len(adobe.token_calls) == 1
    assert len(adobe.calls) == 20


@both
@pytest.mark.parametrize("status", [401, 403])
def test_a_token_that_is_refused_is_renewed_once_for_a_read(ask: Any, adobe: Adobe, status: int) -> None:
    adobe.routes[EXECUTION_PATH] = [reply(status), reply(200, execution_document())]
    assert execution_by(ask).id == "3"
    assert [call.header("authorization") for call in adobe.calls] == [f"Bearer {t}" for t in adobe.tokens]
    assert len(adobe.tokens) == 2


@both
def test_a_missing_permission_does_not_ask_for_token_after_token(ask: Any, adobe: Adobe) -> None:
    adobe.routes[EXECUTION_PATH] = reply(403, {"title": "User unauthorized.", "errors": ["no rights"]})
    for _ in range(3):
        with pytest.raises(errors.PermissionDenied, match="no rights"):
            execution_by(ask)
    assert len(adobe.tokens) == 2
    assert len(adobe.calls) == 4


@both
@pytest.mark.parametrize("broken", [reply(500), reply(503), reply(429), SILENCE, RESET, b"garbage\r\n\r\n"])
def test_a_read_is_tried_again_after_a_failure(ask: Any, adobe: Adobe, broken: bytes) -> None:
    adobe.routes[EXECUTION_PATH] = [broken, reply(200, execution_document())]
    assert execution_by(ask).id == "3"


@both
def test_a_cut_off_answer_is_tried_again_and_never_used(ask: Any, adobe: Adobe) -> None:
    cut = _closing(reply(200, execution_document())[:-10])
    adobe.routes[EXECUTION_PATH] = [cut, reply(200, execution_document())]
    assert execution_by(ask).id == "3"


def _closing(answer: bytes) -> bytes:
    return answer.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)


@both
def test_the_token_request_is_tried_again_too(ask: Any, adobe: Adobe) -> None:
    adobe.token_answers = [reply(503), SILENCE]
    adobe.routes[EXECUTION_PATH] = reply(200, execution_document())
    assert execution_by(ask).id == "3"
    assert len(adobe.token_calls) == 3


@both
def test_retry_after_is_honoured(ask: Any, adobe: Adobe) -> None:
    adobe.routes[EXECUTION_PATH] = [
        reply(429, headers={"Retry-After": "0.4"}),
        reply(200, execution_document()),
    ]
    began = time.monotonic()
    execution_by(ask)
    assert time.monotonic() - began >= 0.4


@both
def test_a_retry_after_beyond_the_deadline_ends_the_read_at_once(ask: Any, adobe: Adobe) -> None:
    adobe.routes[EXECUTION_PATH] = reply(429, headers={"Retry-After": "3600"})
    began = time.monotonic()
    with pytest.raises(errors.RateLimited) as caught:
        execution_by(ask, deadline=600)
    assert time.monotonic() - began < 300
    assert caught.value.retry_after == 3600
    assert len(adobe.calls) == 1


@both
def test_reads_end_at_their_deadline(ask: Any, adobe: Adobe, monkeypatch: pytest.MonkeyPatch) -> None:
    every_answer_takes(100, adobe, monkeypatch)
    adobe.routes[EXECUTION_PATH] = reply(503, headers={"x-request-id": "r-9"})
    with pytest.raises(errors.Unavailable, match="r-9"):
        execution_by(ask, deadline=600, backoff=wait_fixed(0.2))
    assert (len(adobe.token_calls), len(adobe.calls)) == (1, 5)


@both
@pytest.mark.parametrize("status", [400, 404, 409, 412])
def test_a_definite_refusal_is_not_tried_again(ask: Any, adobe: Adobe, status: int) -> None:
    adobe.routes[EXECUTION_PATH] = reply(status)
    with pytest.raises(errors.CloudManagerError):
        execution_by(ask)
    assert len(adobe.calls) == 1


@both
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_of_the_api_is_never_followed(ask: Any, adobe: Adobe, status: int) -> None:
    with LocalServer(lambda _: reply(200, execution_document())) as elsewhere:
        adobe.routes[EXECUTION_PATH] = reply(status, headers={"Location": elsewhere.url + EXECUTION_PATH})
        with pytest.raises(errors.UnexpectedAnswer):
            execution_by(ask)
        assert elsewhere.requests == []


@both
def test_a_redirect_to_nowhere_is_an_unexpected_answer_and_not_a_broken_network(
    ask: Any, adobe: Adobe
) -> None:
    adobe.routes[EXECUTION_PATH] = reply(302, headers={"Location": "http://[::1/broken"})
    with pytest.raises(errors.UnexpectedAnswer, match="302"):
        execution_by(ask)


@both
def test_cookies_are_never_sent_back(ask: Any, adobe: Adobe, monkeypatch: pytest.MonkeyPatch) -> None:
    """By name, since a cookie jar may spare addresses such as 127.0.0.1."""
    by_name = adobe.url.replace("127.0.0.1", "localhost")
    monkeypatch.setenv("AIRFLOW__ADOBE_CLOUD_MANAGER__API_URL", by_name)
    monkeypatch.setenv("AIRFLOW__ADOBE_CLOUD_MANAGER__IMS_URL", by_name)
    cookie = {"Set-Cookie": "session=1; Path=/"}
    adobe.routes[EXECUTION_PATH] = [reply(503, headers=cookie), reply(200, execution_document())]
    execution_by(ask)
    assert len(adobe.calls) == 2
    assert all(call.header("cookie") is None for call in adobe.server.requests)


@both
def test_another_execution_than_the_one_asked_for_is_not_accepted(ask: Any, adobe: Adobe) -> None:
    adobe.routes[EXECUTION_PATH] = reply(200, execution_document("4"))
    with pytest.raises(errors.UnexpectedAnswer, match="asked for execution 3 and answered 4"):
        execution_by(ask)


@both
def test_no_running_execution_is_none_and_not_an_error(ask: Any, adobe: Adobe) -> None:
    assert ask("get_current_execution", ("1", "2")) is None
    adobe.routes["/api/program/1/pipeline/2/execution"] = reply(200, execution_document())
    assert ask("get_current_execution", ("1", "2")).id == "3"


def page(*ids: int, following: int | None = None) -> bytes:
    document: dict[str, Any] = {"_embedded": {"executions": [execution_document(str(i)) for i in ids]}}
    if following is not None:
        document["_links"] = {"next": {"href": f"/api/program/1/pipeline/2/executions?start={following}"}}
    return reply(200, document)


EXECUTIONS = "/api/program/1/pipeline/2/executions"


@both
def test_pages_are_followed_to_an_empty_one(ask: Any, adobe: Adobe) -> None:
    adobe.routes[EXECUTIONS] = [page(9, 8, following=2), page(7, following=3), page(following=4), page(1)]
    assert [found.id for found in ask("list_executions", ("1", "2"))] == ["9", "8", "7"]
    assert len(adobe.calls) == 3


@both
@pytest.mark.parametrize(
    "empty", [{"_embedded": {}}, {}, {"_embedded": None}, {"_embedded": {"executions": []}}]
)
def test_an_empty_collection_is_empty_in_every_form(ask: Any, adobe: Adobe, empty: dict[str, Any]) -> None:
    adobe.routes[EXECUTIONS] = reply(200, empty)
    assert ask("list_executions", ("1", "2")) == ()


SAYS_ONE = {"_totalNumberOfItems": 1}
FOLLOWED = {"_links": {"next": {"href": f"{EXECUTIONS}?start=20"}}}


@both
@pytest.mark.parametrize(
    "odd",
    [
        SAYS_ONE,
        SAYS_ONE | {"_embedded": {}},
        SAYS_ONE | {"_embedded": {"executions": []}},
        SAYS_ONE | {"_embedded": {}} | FOLLOWED,
        {"_embedded": {"pipeline-executions": []}},
        {"_embedded": {"executions": None}},
        {"_embedded": {"executions": {}}},
        {"_embedded": []},
        {"type": "http://ns.adobe.com/adobecloud/error", "title": "Upstream timed out", "status": 504},
        {"error_code": "504000", "message": "Upstream timed out"},
        {"executions": "none"},
    ],
)
def test_a_list_that_is_answered_oddly_is_not_an_empty_one(
    ask: Any, adobe: Adobe, odd: dict[str, Any]
) -> None:
    adobe.routes[EXECUTIONS] = reply(200, odd)
    with pytest.raises(errors.UnexpectedAnswer):
        ask("list_executions", ("1", "2"))


@both
def test_a_list_whose_next_page_comes_empty_is_not_the_whole_one(ask: Any, adobe: Adobe) -> None:
    first = {"_embedded": {"executions": [execution_document()]}} | FOLLOWED | {"_totalNumberOfItems": 7}
    adobe.routes[EXECUTIONS] = [reply(200, first), reply(200, {"_embedded": {}})]
    with pytest.raises(
        errors.UnexpectedAnswer, match="executions of pipeline 2 with 1 of the 7 that it says"
    ):
        ask("list_executions", ("1", "2"))


def test_a_list_that_a_limit_cuts_is_whole(adobe: Adobe) -> None:
    one = {"_embedded": {"executions": [execution_document()]}, "_totalNumberOfItems": 7} | FOLLOWED
    adobe.routes[EXECUTIONS] = reply(200, one)
    assert len(CloudManagerHook(**QUICK).list_executions("1", "2", limit=1)) == 1


@pytest.mark.parametrize(
    "odd",
    [{"totalNumberOfItems": 1}, {"totalNumberOfItems": 1, "domainMappings": []}, {"title": "Timed out"}],
)
def test_domain_mappings_that_are_answered_oddly_are_not_none(adobe: Adobe, odd: dict[str, Any]) -> None:
    where = "/api/program/1/environment/8/domain-mappings"
    adobe.routes[where] = reply(200, odd)
    with pytest.raises(errors.UnexpectedAnswer):
        CloudManagerHook(**QUICK).list_domain_mappings("1", "8")
    adobe.routes[where] = reply(200, {"totalNumberOfItems": 0, "domainMappings": None})
    assert CloudManagerHook(**QUICK).list_domain_mappings("1", "8") == ()


@both
@pytest.mark.parametrize(
    ("name", "arguments", "path"),
    [
        ("get_environment", ("1", "8"), "/api/program/1/environment/8"),
        ("get_execution", ("1", "2", "8"), "/api/program/1/pipeline/2/execution/8"),
    ],
)
def test_another_one_than_was_asked_for_is_no_answer(
    ask: Any, adobe: Adobe, name: str, arguments: tuple[str, ...], path: str
) -> None:
    adobe.routes[path] = reply(200, execution_document("9"))
    with pytest.raises(errors.UnexpectedAnswer, match=r"was asked for \w+ 8 and answered 9"):
        ask(name, arguments)


@both
def test_a_list_with_an_execution_of_another_pipeline_is_no_answer(ask: Any, adobe: Adobe) -> None:
    elsewhere = execution_document() | {"pipelineId": "4"}
    adobe.routes[EXECUTIONS] = reply(200, {"_embedded": {"executions": [elsewhere]}})
    with pytest.raises(errors.UnexpectedAnswer, match="executions of pipeline 2 and answered 3 of 4"):
        ask("list_executions", ("1", "2"))


@pytest.mark.parametrize(
    ("name", "arguments", "path"),
    [("get_program", ("8",), "/api/program/8"), ("get_pipeline", ("1", "8"), "/api/program/1/pipeline/8")],
)
def test_another_program_or_pipeline_than_was_asked_for_is_no_answer(
    adobe: Adobe, name: str, arguments: tuple[str, ...], path: str
) -> None:
    adobe.routes[path] = reply(200, {"id": "9"})
    with pytest.raises(errors.UnexpectedAnswer, match=r"was asked for \w+ 8 and answered 9"):
        getattr(CloudManagerHook(**QUICK), name)(*arguments)


@both
def test_a_next_link_to_the_same_page_does_not_loop(ask: Any, adobe: Adobe) -> None:
    adobe.routes[EXECUTIONS] = page(9, following=0)
    assert len(ask("list_executions", ("1", "2"))) == 1
    assert len(adobe.calls) == 2


@both
def test_a_server_that_ignores_start_does_not_loop(ask: Any, adobe: Adobe) -> None:
    count = iter(range(1, 1000))
    adobe.routes[EXECUTIONS] = lambda _: page(9, 8, following=next(count))
    assert len(ask("list_executions", ("1", "2"))) == 2
    assert len(adobe.calls) == 2


@both
def test_a_next_link_to_a_foreign_host_is_never_followed(ask: Any, adobe: Adobe) -> None:
    with LocalServer(lambda _: page(1)) as elsewhere:
        document = {"_embedded": {"executions": [execution_document()]}}
        following = {"_links": {"next": {"href": f"{elsewhere.url}{EXECUTIONS}?start=20"}}}
        adobe.routes[EXECUTIONS] = reply(200, document | following)
        with pytest.raises(errors.ForeignLink):
            ask("list_executions", ("1", "2"))
        assert elsewhere.requests == []


def test_only_as_many_executions_as_wanted_are_listed(adobe: Adobe) -> None:
    adobe.routes[EXECUTIONS] = page(9, 8, 7, following=3)
    assert len(CloudManagerHook(**QUICK).list_executions("1", "2", limit=2)) == 2
    assert adobe.calls[0].target.endswith("?start=0&limit=2")


# Step logs: the storage behind the redirect is not Adobe's API.

LOG = b"".join(b"line %04d\n" % number for number in range(1000))


def storage(request: Received) -> bytes:
    """Blob storage that understands ``bytes=a-b`` and ``bytes=a-``, and nothing else."""
    first, _, last = str(request.header("range")).removeprefix("bytes=").partition("-")
    start, end = int(first), min(int(last or len(LOG)), len(LOG) - 1)
    part = LOG[start : end + 1]
    return reply(206, body=part, headers={"Content-Range": f"bytes {start}-{end}/{len(LOG)}"})


@both
@pytest.mark.parametrize("form", ["json", "307"])
def test_the_tail_of_a_log_is_read_without_adobes_headers(ask: Any, adobe: Adobe, form: str) -> None:
    with LocalServer(storage) as blob:
        url = f"{blob.url}/log?sig=s3cret"
        redirect = reply(200, {"redirect": url}) if form == "json" else reply(307, headers={"Location": url})
        adobe.routes[f"{STEP_PATH}/logs"] = redirect
        assert _log(ask, tail=45) == "".join(f"line {number:04d}\n" for number in range(996, 1000))
        for request in blob.requests:
            assert request.header_names - TRANSPORT == {"accept", "range", "user-agent"}
        assert [request.header("range") for request in blob.requests] == ["bytes=0-44", "bytes=9955-"]


def _log(ask: Any, *, tail: int = 65536, state: StepState | None = None, **options: Any) -> str:
    seen, chosen = state or step(), QUICK | options

    async def by_aiohttp() -> str:
        return await CloudManagerAsyncHook(**chosen).read_step_log(seen, tail=tail)

    if ask is ask_by_aiohttp:
        return asyncio.run(by_aiohttp())
    return CloudManagerHook(**chosen).read_step_log(seen, tail=tail)


@both
def test_a_short_log_takes_one_request_and_is_whole(ask: Any, adobe: Adobe) -> None:
    with LocalServer(storage) as blob:
        adobe.routes[f"{STEP_PATH}/logs"] = reply(200, {"redirect": f"{blob.url}/log"})
        assert _log(ask) == LOG.decode()
        assert len(blob.requests) == 1


@both
def test_a_storage_without_ranges_still_gives_the_tail(ask: Any, adobe: Adobe) -> None:
    with LocalServer(lambda _: reply(200, body=LOG)) as blob:
        adobe.routes[f"{STEP_PATH}/logs"] = reply(200, {"redirect": f"{blob.url}/log"})
        assert _log(ask, tail=25) == "line 0998\nline 0999\n"


@both
@pytest.mark.parametrize("status", [404, 416])
def test_a_log_that_does_not_exist_yet_is_empty(ask: Any, adobe: Adobe, status: int) -> None:
    with LocalServer(lambda _: reply(status, body=b"<Error/>")) as blob:
        adobe.routes[f"{STEP_PATH}/logs"] = reply(200, {"redirect": f"{blob.url}/log"})
        assert _log(ask) == ""
    assert _log(ask, state=step(_links={})) == ""


@both
@pytest.mark.parametrize(
    "answer", [reply(403, body=b"s3cret"), reply(302, headers={"Location": "/x"}), SILENCE]
)
def test_a_failing_storage_never_shows_its_signature(
    ask: Any,
    adobe: Adobe,
    answer: bytes,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.DEBUG)
    clock = every_answer_takes(100, adobe, monkeypatch)

    def fail(_: Received) -> bytes:
        clock.sleep(100)
        return answer

    with LocalServer(fail) as blob:
        adobe.routes[f"{STEP_PATH}/logs"] = reply(200, {"redirect": f"{blob.url}/log?sig=s3cret"})
        with pytest.raises(errors.CloudManagerError) as caught:
            _log(ask, deadline=600)
        assert blob.requests
    assert "s3cret" not in _everything(caught.value)
    ours = [record for record in caplog.records if not record.name.startswith(("urllib3", "asyncio"))]
    assert "s3cret" not in " ".join(record.getMessage() for record in ours)


def _everything(error: BaseException) -> str:
    """The error as a traceback shows it."""
    import traceback

    return "".join(traceback.format_exception(error))


@pytest.mark.parametrize("ask", [ask_by_requests, ask_by_aiohttp])
def test_no_token_and_no_secret_reach_the_log_or_an_error(
    ask: Any, adobe: Adobe, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    echo = adobe.client_secret
    adobe.routes[EXECUTION_PATH] = [reply(401), reply(503), reply(500), RESET, reply(404)]
    with pytest.raises(errors.NotFound) as caught:
        execution_by(ask)
    seen = caplog.text + _everything(caught.value) + repr(caught.value)
    for secret in [echo, *adobe.tokens]:
        assert secret not in seen


# The rest of the reads.


def test_programs_are_listed_under_the_tenant(adobe: Adobe) -> None:
    adobe.routes["/api/tenants"] = reply(
        200, {"_embedded": {"tenants": [{"id": "7", "imsTenantId": "acme"}]}}
    )
    adobe.routes["/api/tenant/7/programs"] = reply(
        200, {"_embedded": {"programs": [{"id": "1", "name": "A"}]}}
    )
    assert [program.name for program in CloudManagerHook(**QUICK).list_programs()] == ["A"]


@pytest.mark.parametrize("missing", ["/api/tenants", "/api/tenant/7/programs"])
def test_programs_are_listed_the_older_way_where_the_newer_is_missing(adobe: Adobe, missing: str) -> None:
    adobe.routes["/api/tenants"] = reply(200, {"_embedded": {"tenants": [{"id": "7"}]}})
    adobe.routes["/api/tenant/7/programs"] = reply(200, {})
    adobe.routes["/api/programs"] = reply(200, {"_embedded": {"programs": [{"id": "1", "name": "B"}]}})
    del adobe.routes[missing]
    assert [program.name for program in CloudManagerHook(**QUICK).list_programs()] == ["B"]


def test_every_other_resource_is_read_from_its_place(adobe: Adobe) -> None:
    hook = CloudManagerHook(**QUICK)
    base = "/api/program/1"
    adobe.routes |= {
        base: reply(200, {"id": "1", "name": "P"}),
        f"{base}/pipelines": reply(200, {"_embedded": {"pipelines": [{"id": "2"}]}}),
        f"{base}/pipeline/2": reply(200, {"id": "2", "name": "Pipe"}),
        f"{base}/environments": reply(200, {"_embedded": {"environments": [{"id": "8"}]}}),
        f"{base}/environment/8": reply(200, {"id": "8", "name": "stage"}),
        f"{base}/environment/8/domain-mappings": reply(
            200, {"totalNumberOfItems": 1, "domainMappings": [{"domainName": "a.b", "originId": 8}]}
        ),
        f"{base}/environment/8/variables": reply(
            200,
            {
                "_embedded": {
                    "variables": [{"name": "A", "value": "hidden"}, {"name": "A", "service": "author"}]
                }
            },
        ),
        f"{base}/pipeline/2/variables": reply(200, {}),
        STEP_PATH: reply(200, step_document(status="FINISHED")),
        f"{STEP_PATH}/artifacts": reply(200, {"_embedded": {"artifacts": [{"id": "1", "type": "LOG_FILE"}]}}),
        f"{STEP_PATH}/metrics": reply(200, {"metrics": [{"kpi": "coverage", "passed": True}]}),
    }
    assert hook.get_program("1").name == "P"
    assert [pipeline.id for pipeline in hook.list_pipelines("1")] == ["2"]
    assert hook.get_pipeline("1", "2").name == "Pipe"
    assert [environment.id for environment in hook.list_environments("1")] == ["8"]
    assert hook.get_environment("1", "8").name == "stage"
    assert [mapping.domain_name for mapping in hook.list_domain_mappings("1", "8")] == ["a.b"]
    variables = hook.list_environment_variables("1", "8")
    assert [(variable.name, variable.service) for variable in variables] == [("A", ""), ("A", "author")]
    assert "hidden" not in repr(variables)
    assert hook.list_pipeline_variables("1", "2") == ()
    assert hook.get_step_state(step()).status == "FINISHED"
    assert [artifact.type for artifact in hook.list_artifacts(step())] == ["LOG_FILE"]
    assert [metric.kpi for metric in hook.get_metrics(step())] == ["coverage"]


FLOW = {"contentFlowId": "9", "srcEnvironmentId": "7", "destEnvironmentId": "8", "status": "IN_PROGRESS"}
RESTORE = {"id": "5", "environmentId": "8", "status": "running", "createdAt": "2026-11-02T10:00:00.000+0000"}


@both
def test_copies_restores_and_variables_of_an_environment_are_read_by_both(ask: Any, adobe: Adobe) -> None:
    base = "/api/program/1"
    lists = {
        "contentFlows": [FLOW, {**FLOW, "contentFlowId": "10", "status": "FAILED"}],
        "restoreExecutions": [RESTORE],
        "variables": [{"name": "A", "value": "hidden", "status": "updating"}, {"name": "B"}],
    }
    adobe.routes |= {
        f"{base}/environment/8": reply(200, {"id": "8", "name": "stage", "status": "hibernated"}),
        f"{base}/contentFlows": reply(200, {"_embedded": {"contentFlows": lists["contentFlows"]}}),
        f"{base}/environment/8/restoreExecutions": reply(
            200, {"_embedded": {"restoreExecutions": lists["restoreExecutions"]}}
        ),
        f"{base}/environment/8/variables": reply(200, {"_embedded": {"variables": lists["variables"]}}),
    }
    assert ask("get_environment", ("1", "8")).status == "hibernated"
    flows = ask("list_content_flows", ("1",))
    assert [(each.id, each.target_environment_id, each.is_over) for each in flows] == [
        ("9", "8", False),
        ("10", "8", True),
    ]
    (restore,) = ask("list_restore_executions", ("1", "8"))
    assert (restore.id, restore.is_over, restore.created_at.year) == ("5", False, 2026)
    changing, settled = ask("list_environment_variables", ("1", "8"))
    assert (changing.is_changing, settled.is_changing) == (True, False)
    assert (len(changing.fingerprint), settled.fingerprint) == (16, "")
    assert "hidden" not in repr(changing)


@both
@pytest.mark.parametrize(
    ("name", "arguments", "path", "item"),
    [
        ("list_content_flows", ("1",), "contentFlows", {"contentFlowId": "9", "status": "FAILED"}),
        ("list_content_flows", ("1",), "contentFlows", {"destEnvironmentId": "8"}),
        ("list_restore_executions", ("1", "8"), "restoreExecutions", {"status": "finished"}),
        ("list_environment_variables", ("1", "8"), "variables", {"type": "string"}),
    ],
)
def test_what_nothing_names_is_no_answer(
    ask: Any, adobe: Adobe, name: str, arguments: tuple[str, ...], path: str, item: dict[str, str]
) -> None:
    where = f"/api/program/1/{path}" if len(arguments) == 1 else f"/api/program/1/environment/8/{path}"
    adobe.routes |= {where: reply(200, {"_embedded": {path: [item]}})}
    with pytest.raises(errors.UnexpectedAnswer):
        ask(name, arguments)


@pytest.mark.parametrize("odd", [{"title": "Timed out", "status": 504}, {"metrics": {}}])
def test_metrics_that_are_answered_oddly_are_not_none(adobe: Adobe, odd: dict[str, Any]) -> None:
    adobe.routes[f"{STEP_PATH}/metrics"] = reply(200, odd)
    with pytest.raises(errors.UnexpectedAnswer):
        CloudManagerHook(**QUICK).get_metrics(step())


@pytest.mark.parametrize("answer", [reply(200, {}), reply(404), reply(200, {"metrics": None})])
def test_a_step_without_metrics_has_none(adobe: Adobe, answer: bytes) -> None:
    adobe.routes[f"{STEP_PATH}/metrics"] = answer
    assert CloudManagerHook(**QUICK).get_metrics(step()) == ()
    assert CloudManagerHook(**QUICK).get_metrics(step(_links={})) == ()


@pytest.mark.parametrize("name", ["get_program", "list_pipelines", "list_environments"])
def test_a_templated_id_cannot_reach_another_path(adobe: Adobe, name: str) -> None:
    with pytest.raises(errors.InvalidRequest):
        getattr(CloudManagerHook(**QUICK), name)("1/pipeline/2/execution")
    assert adobe.calls == []


def test_the_budget_of_a_credential_holds_back_reads(adobe: Adobe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__ADOBE_CLOUD_MANAGER__REQUESTS_PER_MINUTE", "3")
    adobe.routes[EXECUTION_PATH] = reply(200, execution_document())
    for _ in range(3):
        execution_by(ask_by_requests)
    with pytest.raises(errors.RateLimited, match="budget of 3 requests a minute"):
        execution_by(ask_by_aiohttp, deadline=0.2)
    assert len(adobe.calls) == 3


def test_the_inherited_run_sends_the_same_headers_and_follows_no_redirect(adobe: Adobe) -> None:
    adobe.routes["/api/tenants"] = reply(307, headers={"Location": "/api/programs"})
    careless = {"check_response": False, "allow_redirects": True}
    response = CloudManagerHook(**QUICK).run("/api/tenants", extra_options=careless)
    assert response.status_code == 307

    async def run() -> int:
        return (await CloudManagerAsyncHook(**QUICK).run(endpoint="/api/tenants")).status

    assert asyncio.run(run()) == 307
    assert adobe.server.paths() == ["/api/tenants", "/api/tenants"]
    for call in adobe.calls:
        assert call.header_names >= ADOBES | PLAIN
        assert str(call.header("authorization")).startswith("Bearer ")


def test_a_slow_cloud_manager_does_not_block_the_event_loop(adobe: Adobe) -> None:
    """It answers when the others on the event loop had their turns."""
    asked, go_on = threading.Event(), threading.Event()
    in_time: list[bool] = []

    def slowly(_: Received) -> bytes:
        asked.set()
        in_time.append(go_on.wait(QUICK["request_timeout"] / 2))
        return reply(200, execution_document())

    adobe.routes[EXECUTION_PATH] = slowly

    async def beside() -> None:
        reading = asyncio.ensure_future(CloudManagerAsyncHook(**QUICK).get_execution("1", "2", "3"))
        while not asked.is_set():  # noqa: ASYNC110 - the server sets it in another thread
            await asyncio.sleep(0.01)
        for _ in range(20):
            await asyncio.sleep(0.01)
        go_on.set()
        await reading

    asyncio.run(beside())
    assert in_time == [True]
