"""The rules of the API, without any network."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from adobe_cloud_manager import exceptions as errors
from adobe_cloud_manager import protocol
from adobe_cloud_manager.answers import Answer, error_of, network_error, read_json, retry_after

BASE = "https://cloudmanager.adobe.io"
NOW = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)


def test_the_headers_are_adobes_three_and_three_plain_ones() -> None:
    headers = protocol.api_headers(org_id="1@AdobeOrg", client_id="id", token="t", body=True)
    assert headers == {
        "x-gw-ims-org-id": "1@AdobeOrg",
        "x-api-key": "id",
        "Authorization": "Bearer t",
        "accept": "application/json",
        "content-type": "application/json",
        "user-agent": f"aem-stage-gate/{protocol.VERSION}",
    }
    assert "content-type" not in protocol.api_headers(org_id="1@AdobeOrg", client_id="id", token="t")


def test_the_version_told_to_adobe_is_the_packages_version() -> None:
    project = Path(__file__).parents[3] / "pyproject.toml"
    assert tomllib.loads(project.read_text())["project"]["version"] == protocol.VERSION


@pytest.mark.parametrize(
    ("href", "path"),
    [
        ("/api/program/4/pipelines", "/api/program/4/pipelines"),
        ("/api/program/4/pipelines?start=20&limit=20", "/api/program/4/pipelines?start=20&limit=20"),
        (f"{BASE}/api/program/4/pipelines", "/api/program/4/pipelines"),
        ("HTTPS://CloudManager.adobe.io/api/programs", "/api/programs"),
    ],
)
def test_a_link_is_followed_relative_to_the_configured_base(href: str, path: str) -> None:
    assert protocol.resolve(BASE, href) == f"{BASE}{path}"


def test_a_path_is_made_of_ids_and_a_query_of_escaped_values() -> None:
    path = protocol.api_path("program", "4", "pipeline", "Ab-9_z.Z")
    assert path == "/api/program/4/pipeline/Ab-9_z.Z"
    assert protocol.with_query(path) == path
    assert protocol.with_query(path, start=20, limit=5) == f"{path}?start=20&limit=5"
    assert protocol.with_query(f"{path}?start=0", name="a/b &c") == f"{path}?start=0&name=a%2Fb%20%26c"


@pytest.mark.parametrize(
    "href",
    [
        "https://evil.example/api/programs",
        "http://cloudmanager.adobe.io/api/programs",
        "https://cloudmanager.adobe.io:8443/api/programs",
        "https://cloudmanager.adobe.io@evil.example/api/programs",
        "https://user@cloudmanager.adobe.io/api/programs",
        "https://cloudmanager.adobe.io.evil.example/api/programs",
        "//evil.example/api/programs",
        "https:/api/programs",
        "/\\evil.example/api/programs",
        "\\\\evil.example/api",
        "/api/../admin",
        "/api/%2e%2e/admin",
        "/api/program/4%2f..%2f5",
        "/api/program/4%5c..%5c5",
        "/api/program/./4",
        "/admin",
        "api/programs",
        "",
        "/api/program/{programId}",
        "/api/programs\r\nX-Evil: 1",
        "/api/prögrams",
        "https://[::1/api/programs",
        "javascript:alert(1)",
    ],
)
def test_a_link_that_leads_elsewhere_is_never_followed(href: str) -> None:
    with pytest.raises(errors.ForeignLink):
        protocol.resolve(BASE, href)


@pytest.mark.parametrize(
    ("href", "shown"),
    [
        ("https://evil.example/api/x?token=s3cret", "https://evil.example/api/x"),
        ("/api/{id}?token=s3cret", "/api/{id}"),
        ("https://[::1/api?token=s3cret", "https://[::1/api"),
    ],
)
def test_a_link_that_was_not_followed_is_told_without_its_query(href: str, shown: str) -> None:
    with pytest.raises(errors.ForeignLink, match="leads outside its API and was not followed") as caught:
        protocol.resolve(BASE, href)
    assert repr(shown) in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_a_fragment_never_goes_to_the_server() -> None:
    assert protocol.resolve(BASE, "/api/programs#part") == f"{BASE}/api/programs"


@pytest.mark.parametrize(
    "wrong", ["", "1/2", "..", ".", "1?x=1", "a b", "1\n", "{{ ti }}", "%31", "x" * 65, None, 4]
)
def test_what_cannot_be_an_id_never_becomes_part_of_a_path(wrong: Any) -> None:
    with pytest.raises(errors.InvalidRequest, match="is not an id of Cloud Manager") as caught:
        protocol.api_path("program", wrong)
    assert str(caught.value).startswith(repr(str(wrong).strip()))


def test_an_act_link_must_belong_to_the_step_it_is_sent_for() -> None:
    path = "/api/program/1/pipeline/2/execution/3/phase/4/step/5"
    pinned = {"execution_id": "3", "phase_id": "4", "step_id": "5"}
    assert protocol.act_link(f"{path}/advance", verb="advance", **pinned) == f"{path}/advance"
    for nothing in (None, ""):
        with pytest.raises(errors.NotFound, match="offers no advance link: Cloud Manager does not wait"):
            protocol.act_link(nothing, verb="advance", **pinned)
    for foreign in (
        f"{path}/cancel",
        f"{path}/advance/x",
        path.replace("execution/3", "execution/9") + "/advance",
        path.replace("phase/4", "phase/9") + "/advance",
        path.replace("step/5", "step/9") + "/advance",
    ):
        with pytest.raises(errors.ForeignLink, match=foreign):
            protocol.act_link(foreign, verb="advance", **pinned)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"_links": {"next": {"href": "/api/x?start=20"}}}, "/api/x?start=20"),
        ({"_links": {"next": [{"href": "/api/x?start=20"}]}}, "/api/x?start=20"),
        ({"_links": {"next": {}}}, None),
        ({"_links": {"next": None}}, None),
        ({"_links": {"next": []}}, None),
        ({"_links": {"next": ["/api/x"]}}, None),
        ({"_links": {"next": "/api/x"}}, None),
        ({"_links": {"next": {"href": ""}}}, None),
        ({"_links": {"next": {"href": 5}}}, None),
        ({"_links": ["/api/x"]}, None),
        ({"_links": {}}, None),
        ({}, None),
    ],
)
def test_the_next_page_is_read_from_any_shape_of_link(
    document: dict[str, object], expected: str | None
) -> None:
    assert protocol.next_link(document) == expected


GATEWAY = b'{"error_code": "401013", "message": "Oauth token is not valid"}'
PROBLEM = b'{"type":"http://ns.adobe.com/adobecloud/x","title":"Constraint Violations","errors":%s}'
SPECIFIED = b"""{"status":400,"type":"http://ns.adobe.com/adobecloud/error","title":"Validation failed",
    "missingParams":[{"name":"name","type":"string"}],
    "invalidParams":[{"name":"id","reason":"not a number"}]}"""


@pytest.mark.parametrize(
    ("status", "body", "kind", "said"),
    [
        (401, GATEWAY, errors.CredentialError, "Oauth token is not valid"),
        (403, b'{"error_code":"403025","message":"Profile is not valid"}', errors.CredentialError, "org_id"),
        (
            403,
            b'{"error_code":"403003","message":"Api Key is invalid"}',
            errors.CredentialError,
            "Add the Cloud",
        ),
        (400, PROBLEM % b'["some error"]', errors.InvalidRequest, "Constraint Violations; some error"),
        (
            400,
            PROBLEM % b'[{"code":"TAKEN","message":"is taken"}]',
            errors.InvalidRequest,
            "is taken (TAKEN)",
        ),
        (400, PROBLEM % b'{"a":{"field":"name","message":"bad"}}', errors.InvalidRequest, "name bad"),
        (
            400,
            SPECIFIED,
            errors.InvalidRequest,
            "missing parameter name string; invalid parameter id not a number",
        ),
        (403, b'{"title":"User unauthorized.","errors":["no rights"]}', errors.PermissionDenied, "no rights"),
        (401, b"Unauthorized", errors.CredentialError, "401"),
        (404, b"", errors.NotFound, "404"),
        (412, b"", errors.Conflict, "412"),
        (409, b"", errors.Conflict, "409"),
        (429, b"", errors.RateLimited, "429"),
        (500, b"<html>", errors.Unavailable, "500"),
        (503, b"{}", errors.Unavailable, "503"),
        (418, b"[1]", errors.InvalidRequest, "418"),
        (302, b"", errors.UnexpectedAnswer, "302"),
        (204, b"", errors.UnexpectedAnswer, "204"),
        (400, b"[" * 100_000, errors.InvalidRequest, "400"),
        (400, b'{"errors":"text","missingParams":3,"title":["x"]}', errors.InvalidRequest, "400"),
    ],
)
def test_each_error_body_becomes_one_error_of_the_tree(
    status: int, body: bytes, kind: type[errors.CloudManagerError], said: str
) -> None:
    error = error_of(Answer(status, {"x-request-id": "r-1"}, body), "the list of programs")
    assert type(error) is kind
    assert said in error.sentence
    assert (error.status, error.request_id) == (status, "r-1")


def test_an_error_body_cannot_forge_a_log_line_or_flood_it() -> None:
    body = b'{"message": "x\\nERROR forged \\u001b[31m", "title": "%s"}' % (b"y" * 100_000)
    error = error_of(Answer(500, {"x-request-id": "a\nb"}, body), "x")
    assert "\n" not in str(error)
    assert "\x1b" not in str(error)
    assert len(str(error)) < 800


def test_an_invalid_value_is_never_quoted_since_it_may_be_a_secret() -> None:
    body = PROBLEM % b'{"a":{"field":"value","message":"too long","invalidValue":"s3cret"}}'
    assert "s3cret" not in str(error_of(Answer(400, {}, body), "x"))


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'{"a":', b"\xff\xfe", b'"text"'])
def test_a_200_that_is_no_json_object_is_an_unexpected_answer(body: bytes) -> None:
    with pytest.raises(errors.UnexpectedAnswer):
        read_json(Answer(200, {}, body), "program 1")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("Sun, 22 Nov 2026 20:00:30 GMT", 30.0),
        ("Sun, 22 Nov 2026 19:00:00 GMT", 0.0),
        ("", None),
        ("soon", None),
        ("-3", None),
        ("nan", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(value: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": value}, NOW) == seconds


def test_only_a_202_acknowledges_an_act() -> None:
    receipt = protocol.receipt_of(Answer(202, {"x-request-id": "r"}), "the advance")
    assert (receipt.status, receipt.request_id) == (202, "r")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 412, 415, 422, 429])
def test_a_definite_4xx_refuses_an_act(status: int) -> None:
    with pytest.raises(errors.ActRefused, match=r"the advance.* Nothing was changed") as caught:
        protocol.receipt_of(Answer(status, {"x-request-id": "r-1"}, GATEWAY), "the advance")
    error = caught.value
    assert (error.status, error.request_id, error.error_code) == (status, "r-1", "401013")
    assert isinstance(error.__cause__, errors.CloudManagerError)
    started = protocol.start_error(Answer(status, {}, GATEWAY), "the start")
    assert not isinstance(started, errors.ActError)
    assert "the start" in str(started)
    assert started.status == status


@pytest.mark.parametrize(
    "status", [200, 201, 203, 204, 206, 301, 302, 303, 304, 307, 308, 408, 499, 500, 502, 503, 504]
)
def test_every_other_status_leaves_an_act_unknown(status: int) -> None:
    with pytest.raises(errors.ActUnknown, match=r"the advance.* read the state back"):
        protocol.receipt_of(Answer(status), "the advance")
    if status != 201:
        started = protocol.start_error(Answer(status), "the start")
        assert isinstance(started, errors.ActUnknown)
        assert "the start" in str(started)
        assert "It may have started: read the current execution." in str(started)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, {}, b'{"redirect": "https://blob.example/log?sig=1"}'),
        *(
            Answer(status, {"location": "https://blob.example/log?sig=1"})
            for status in (301, 302, 303, 307, 308)
        ),
    ],
)
def test_the_log_lies_where_the_redirect_says_in_either_form(answer: Answer) -> None:
    assert protocol.log_location(answer, "the log", allow_loopback=False) == "https://blob.example/log?sig=1"


@pytest.mark.parametrize(
    "url",
    [
        "http://blob.example/log",
        "http://127.0.0.1/log",
        "file:///etc/passwd",
        "https:///log",
        "//blob.example/log",
        "https://user:pw@blob.example/log",
        "https://blob.example/a b",
        "https://[::1/log",
        "",
        None,
        3,
    ],
)
def test_an_unsafe_log_address_is_refused_and_not_quoted(url: object) -> None:
    import json

    answer = Answer(200, {"x-request-id": "r-1"}, json.dumps({"redirect": url}).encode())
    with pytest.raises(
        errors.UnexpectedAnswer, match="the log without a usable address of the log"
    ) as caught:
        protocol.log_location(answer, "the log", allow_loopback=False)
    assert (caught.value.status, caught.value.request_id) == (200, "r-1")
    assert not isinstance(url, str) or not url or url not in str(caught.value)


def test_an_answer_without_any_document_says_what_was_asked_for() -> None:
    with pytest.raises(errors.UnexpectedAnswer, match="the log of step 5"):
        protocol.log_location(Answer(200, {}, b"<html>"), "the log of step 5", allow_loopback=False)


def test_a_loopback_log_is_accepted_only_beside_a_simulator() -> None:
    answer = Answer(200, {}, b'{"redirect": "http://127.0.0.1:9/log"}')
    assert protocol.log_location(answer, "the log", allow_loopback=True) == "http://127.0.0.1:9/log"
    for elsewhere in ("http://blob.example/log", "ftp://127.0.0.1/log", "http:///log"):
        with pytest.raises(errors.UnexpectedAnswer):
            protocol.log_location(Answer(307, {"location": elsewhere}), "the log", allow_loopback=True)


@pytest.mark.parametrize(
    ("said", "total"),
    [
        ("bytes 0-9/1234", 1234),
        (" bytes  990-999/1000 ", 1000),
        ("bytes */1234", None),
        ("bytes 0-9/*", None),
        ("lines 0-9/12", None),
        (None, None),
    ],
)
def test_how_long_a_log_is_stands_behind_the_range(said: str | None, total: int | None) -> None:
    assert protocol.content_range_total({"content-range": said} if said else {}) == total


def test_a_signed_log_address_gets_no_header_of_adobes() -> None:
    headers = {"accept": "*/*", "accept-encoding": "identity", "user-agent": protocol.USER_AGENT}
    assert protocol.log_headers(500, None) == headers | {"range": "bytes=500-"}
    assert protocol.log_headers(0, 99) == headers | {"range": "bytes=0-99"}


def test_a_cut_log_begins_with_a_full_line() -> None:
    assert protocol.tail_text(b"f line\nsecond\n", 100, cut=True) == "second\n"
    assert protocol.tail_text(b"first\nsecond\n", 9, cut=False) == "second\n"
    assert protocol.tail_text(b"first\nsecond\n", 100, cut=False) == "first\nsecond\n"
    assert protocol.tail_text(b"one endless line", 7, cut=True) == "ss line"
    assert protocol.tail_text(b"one endless line\n", 5, cut=True) == "line\n"
    assert protocol.tail_text(b"first\nsecond\n", 0, cut=False) == ""
    assert protocol.tail_text(b"\xff\xfeok", 100, cut=False).endswith("ok")


def test_a_network_error_quotes_the_system_but_no_address() -> None:
    cause = ConnectionError("Max retries exceeded with url: /log?sig=SECRET")
    cause.__cause__ = OSError(111, "Connection refused")
    error = network_error(cause, "fetching the log")
    assert error.sentence == "Fetching the log failed: ConnectionError (Connection refused)."
    assert error.retryable
