"""What can somebody do with a socket? A real uvicorn, and bodies that are too long, too slow, or that lie."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from select import select

import pytest

from adobe_cloud_manager.events.envelope import MAX_BODY
from stage_gate.webhook.body import Reader
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


def test_a_length_that_is_too_much_is_refused_before_anything_is_read(port: int) -> None:
    with opened(port, f"Content-Length: {MAX_BODY + 1}") as connection:
        told = answer(connection)
    assert told.startswith(b"HTTP/1.1 413")
    assert b"connection: close" in told.lower()


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


def test_a_body_that_trickles_is_given_up_in_time(app_of: AppOf) -> None:
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
    assert time.monotonic() - began >= WITHIN


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


def test_too_many_long_ones_at_once_are_asked_to_come_again(port: int, reader: Reader) -> None:
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
            assert answer(one_more).startswith(b"HTTP/1.1 503")
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
