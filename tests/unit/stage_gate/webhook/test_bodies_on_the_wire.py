"""What can somebody do with a socket? A real uvicorn, and bodies that are too long, too slow, or that lie."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Iterator
from select import select
from typing import Any

import pytest

from adobe_cloud_manager.events.envelope import MAX_BODY
from stage_gate.webhook.body import READ_WITHIN, BodyTooLong, BodyTooSlow, NoRoom, Reader
from stage_gate.webhook.reception import ANSWER_WITHIN
from unit.stage_gate.waiting import PATIENCE, until
from unit.stage_gate.webhook.adobe import body_of, event, signed
from unit.stage_gate.webhook.conftest import AppOf, Stored
from unit.stage_gate.webhook.serving import served

WITHIN = 0.5
MOST_AT_ONCE = 3 * MAX_BODY


@pytest.fixture
def reader() -> Reader:
    """Waits for a body for longer than any test takes."""
    return Reader(MAX_BODY, within=2 * PATIENCE, most_at_once=MOST_AT_ONCE)


@pytest.fixture
def port(app_of: AppOf, reader: Reader) -> Iterator[int]:
    with served(app_of(reader=reader)) as port:
        yield port


def opened(port: int, *lines: str) -> socket.socket:
    """A connection on which the head of a POST has been sent."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    head = ["POST /main HTTP/1.1", "Host: webhook", *lines, "", ""]
    connection.sendall("\r\n".join(head).encode())
    return connection


def answer(connection: socket.socket) -> bytes:
    """Everything until the other side closes, or has said all."""
    found = b""
    try:
        while chunk := connection.recv(65536):
            found += chunk
            if b"\r\n\r\n" in found and found.endswith(b"\n"):
                break
    except ConnectionResetError:
        pass
    return found


def test_a_length_that_is_too_much_is_refused_before_anything_is_read(
    port: int, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(port, f"Content-Length: {MAX_BODY + 1}") as connection:
        told = answer(connection)
    assert told.startswith(b"HTTP/1.1 413")
    assert b"connection: close" in told.lower()
    assert "registration main: answered 413. The body is longer than any" in caplog.text


def test_a_body_without_a_length_is_cut_off_at_the_limit(port: int, stored: Stored) -> None:
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    sent = 0
    with opened(port, "Transfer-Encoding: chunked") as connection:
        try:
            while sent < 64 * MAX_BODY:
                connection.sendall(chunk)
                sent += 65536
        except (BrokenPipeError, ConnectionResetError):
            pass
    assert MAX_BODY < sent < 16 * MAX_BODY, "buffers of both sides included"
    assert stored.events() == []


def test_one_byte_too_much_without_a_length_is_too_much(port: int) -> None:
    body = b" " * (MAX_BODY + 1)
    with opened(port, "Transfer-Encoding: chunked") as connection:
        connection.sendall(b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))
        assert answer(connection).startswith(b"HTTP/1.1 413")


def test_a_body_that_trickles_is_given_up_in_time(app_of: AppOf, caplog: pytest.LogCaptureFixture) -> None:
    told, length, sent = b"", 1000, 0
    with served(app_of(reader=Reader(MAX_BODY, within=WITHIN))) as port:
        began = time.monotonic()
        with opened(port, f"Content-Length: {length}") as connection:
            connection.settimeout(0.05)
            while not told and sent < length - 1:
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    connection.sendall(b"x")
                    sent += 1
                with contextlib.suppress(TimeoutError):
                    told = connection.recv(65536)
    assert told.startswith(b"HTTP/1.1 503"), f"after {sent} of {length} bytes"
    assert b"connection: close" in told.lower()
    assert b"retry-after: 30" in told.lower()
    assert time.monotonic() - began >= WITHIN
    assert "registration main: answered 503. The body was not read in time." in caplog.text


def test_many_slow_ones_keep_nobody_waiting(port: int, stored: Stored) -> None:
    slow = [opened(port, "Content-Length: 1000") for _ in range(100)]
    try:
        body = body_of(event("wire-1"))
        headers = [f"{name}: {value}" for name, value in signed(body).items()]
        with opened(port, f"Content-Length: {len(body)}", *headers) as connection:
            connection.sendall(body)
            assert answer(connection).startswith(b"HTTP/1.1 200")
        assert select(slow, [], [], 0) == ([], [], []), "all the others are still waited for"
    finally:
        for each in slow:
            each.close()
    assert len(stored.events()) == 1


def test_too_many_long_ones_at_once_are_asked_to_come_again(
    port: int, reader: Reader, caplog: pytest.LogCaptureFixture
) -> None:
    almost = b"x" * (MAX_BODY - 1)
    held = []
    try:
        for _ in range(3):
            connection = opened(port, f"Content-Length: {MAX_BODY}")
            connection.sendall(almost)
            held.append(connection)
        until(lambda: reader._room == MOST_AT_ONCE - 3 * len(almost), "all of it is held")
        with opened(port, f"Content-Length: {MAX_BODY}") as one_more:
            one_more.sendall(b"x" * 1000)
            told = answer(one_more)
        assert told.startswith(b"HTTP/1.1 503")
        assert b"connection: close" in told.lower()
        assert "registration main: answered 503. Too many bodies are being read at once." in caplog.text
    finally:
        for each in held:
            each.close()
    until(lambda: reader._room == MOST_AT_ONCE, "the room is free again")
    with opened(port, "Content-Length: 1000") as afterwards:
        afterwards.sendall(b" " * 1000)
        assert answer(afterwards).startswith(b"HTTP/1.1 401")


def test_who_leaves_in_the_middle_leaves_nothing(port: int, stored: Stored) -> None:
    body = body_of(event("wire-2"))
    headers = [f"{name}: {value}" for name, value in signed(body).items()]
    with opened(port, f"Content-Length: {len(body)}", *headers) as connection:
        connection.sendall(body[:-1])
    with opened(port, f"Content-Length: {len(body)}", *headers) as connection:
        connection.sendall(body)
        assert answer(connection).startswith(b"HTTP/1.1 200")
    assert [each["event_ids"] for each in stored.events()] == [["wire-2"]]


def test_who_leaves_in_the_middle_is_no_error_and_no_line_in_the_log(
    app_of: AppOf, caplog: pytest.LogCaptureFixture
) -> None:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/main", "query_string": b"", "headers": []}
    asyncio.run(app_of()(scope, receive, send))
    assert sent[0]["status"] == 503, "which nobody reads"
    assert "Adobe I/O Events" not in caplog.text


def test_reading_and_answering_together_are_over_before_adobe_gives_up() -> None:
    assert READ_WITHIN + ANSWER_WITHIN < 10


async def in_chunks(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def forever() -> AsyncIterator[bytes]:
    yield b"12345"
    await asyncio.Event().wait()


LONGEST = 10


@pytest.mark.parametrize("announced", [None, "", "0", "10", "-99", "1e9", "²", "ten", " 99"])
@pytest.mark.parametrize("chunks", [(), (b"1234567890",), (b"123", b"4567", b"890")])
def test_a_body_is_read_whole_and_a_length_that_is_none_says_nothing(
    announced: str | None, chunks: tuple[bytes, ...]
) -> None:
    reader = Reader(LONGEST, within=PATIENCE, most_at_once=LONGEST)
    for _ in range(2):
        assert asyncio.run(reader.read(in_chunks(*chunks), announced)) == b"".join(chunks)
    assert reader._room == LONGEST, "for the next ones"


@pytest.mark.parametrize(
    ("chunks", "announced", "room", "error"),
    [
        ((b"12345678901",), None, 99, BodyTooLong),
        ((b"123456", b"78901"), None, 99, BodyTooLong),
        ((), "11", 99, BodyTooLong),
        ((), "9" * 5000, 99, BodyTooLong),
        ((b"12345678",), None, 7, NoRoom),
        ((b"1234", b"5678"), None, 7, NoRoom),
    ],
)
def test_a_body_that_is_too_much_is_not_read_on_and_leaves_its_room_to_others(
    chunks: tuple[bytes, ...], announced: str | None, room: int, error: type[Exception]
) -> None:
    reader = Reader(LONGEST, within=PATIENCE, most_at_once=room)
    with pytest.raises(error):
        asyncio.run(reader.read(in_chunks(*chunks), announced))
    assert reader._room == room


def test_a_body_that_does_not_end_in_time_leaves_its_room_to_others() -> None:
    reader = Reader(LONGEST, within=0.0, most_at_once=LONGEST)
    with pytest.raises(BodyTooSlow):
        asyncio.run(reader.read(forever(), None))
    assert reader._room == LONGEST
