"""Are Adobe's keys fetched from the one host, seldom, and given up at the right moment?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as elliptic_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from adobe_cloud_manager.events.keys import (
    FETCHES_PER_MINUTE,
    KeyFetchBudget,
    KeyRing,
    KeyUnavailable,
    KeyUnknown,
)
from unit.adobe_cloud_manager.adobe_double import Adobe
from unit.adobe_cloud_manager.events.deliveries import PATHS, pem, private_key
from unit.adobe_cloud_manager.local_server import HANG, RESET, reply

PATH = PATHS[0]
HOUR = 3600.0


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def host() -> Iterator[Adobe]:
    double = Adobe()
    with double.server:
        double.routes[PATH] = reply(200, body=pem(private_key(0)))
        yield double


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ring(host: Adobe, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> KeyRing:
    monkeypatch.setattr("adobe_cloud_manager.events.keys._WITHIN", 60.0)
    return KeyRing(host.url, clock)


def get(ring: KeyRing, path: str = PATH) -> object:
    async def once() -> object:
        return await ring.get(path)

    return asyncio.run(once())


def refusal(ring: KeyRing, path: str = PATH) -> KeyUnavailable:
    with pytest.raises(KeyUnavailable) as caught:
        get(ring, path)
    return caught.value


def test_a_key_is_fetched_once_a_day(host: Adobe, ring: KeyRing, clock: Clock) -> None:
    assert get(ring) == private_key(0).public_key()
    clock.now += 24 * HOUR - 1
    get(ring)
    assert len(host.calls) == 1
    clock.now += 1
    get(ring)
    assert len(host.calls) == 2


def test_many_at_once_cause_one_fetch(host: Adobe, ring: KeyRing) -> None:
    async def many() -> list[object]:
        return list(await asyncio.gather(*(ring.get(PATH) for _ in range(50))))

    assert len(set(map(id, asyncio.run(many())))) == 1
    assert len(host.calls) == 1


def test_nothing_but_the_path_is_asked_for(host: Adobe, ring: KeyRing) -> None:
    get(ring)
    (call,) = host.calls
    assert (call.method, call.target, call.body) == ("GET", PATH, b"")
    assert call.header_names <= {"host", "accept", "user-agent"}


@pytest.mark.parametrize("path", ["@evil.example/x", "//evil.example/k.pem", "/prod/keys/other.pem", ""])
def test_a_path_of_another_form_is_never_fetched(host: Adobe, ring: KeyRing, path: str) -> None:
    assert isinstance(refusal(ring, path), KeyUnknown)
    assert host.calls == []


@pytest.mark.parametrize("status", [404, 410])
def test_a_key_that_is_not_there_is_unknown_and_not_asked_for_again_for_a_minute(
    host: Adobe, ring: KeyRing, clock: Clock, status: int
) -> None:
    host.routes[PATH] = [reply(status), reply(200, body=pem(private_key(0)))]
    assert isinstance(refusal(ring), KeyUnknown)
    clock.now += 59
    assert isinstance(refusal(ring), KeyUnknown)
    assert len(host.calls) == 1
    clock.now += 1
    get(ring)


@pytest.mark.parametrize(
    "answer",
    [
        reply(500),
        reply(403, body=b"the proxy says no"),
        reply(302, headers={"Location": "http://127.0.0.1:1/prod/keys/pub-key-1.pem"}),
        reply(200, body=b"<html>the proxy wants a log-in</html>"),
        reply(200, body=b""),
        reply(200, body=pem(private_key(0)) + b"#" * 40_000),
        reply(200, body=pem(private_key(9, 1024))),
        reply(
            200,
            body=elliptic_key(SECP256R1())
            .public_key()
            .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        ),
    ],
    ids=["500", "403", "redirect", "html", "empty", "large", "short key", "elliptic"],
)
def test_what_is_neither_a_key_nor_not_found_is_worth_another_try(
    host: Adobe, ring: KeyRing, clock: Clock, answer: bytes
) -> None:
    host.routes[PATH] = [answer, reply(200, body=pem(private_key(0)))]
    error = refusal(ring)
    assert not isinstance(error, KeyUnknown)
    assert isinstance(refusal(ring), KeyUnavailable), "but not within five seconds"
    assert len(host.calls) == 1, "nor is a redirect followed"
    clock.now += 5
    assert get(ring) == private_key(0).public_key()


@pytest.mark.parametrize("answer", [HANG, RESET], ids=["hang", "reset"])
def test_a_host_that_does_not_answer_is_given_up(
    host: Adobe, ring: KeyRing, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    monkeypatch.setattr("adobe_cloud_manager.events.keys._WITHIN", 0.2)
    host.routes[PATH] = answer
    assert not isinstance(refusal(ring), KeyUnknown)


def made_up(number: int) -> str:
    return f"/prod/keys/pub-key-{number:08}.pem"


def test_made_up_keys_are_fetched_from_a_budget(host: Adobe, ring: KeyRing, clock: Clock) -> None:
    for number in range(FETCHES_PER_MINUTE):
        assert isinstance(refusal(ring, made_up(number)), KeyUnknown)
    assert isinstance(refusal(ring, made_up(99)), KeyFetchBudget)
    assert len(host.calls) == FETCHES_PER_MINUTE
    clock.now += 60
    assert isinstance(refusal(ring, made_up(99)), KeyUnknown)


def test_made_up_keys_do_not_keep_a_key_that_was_had_from_being_fetched_again(
    host: Adobe, ring: KeyRing, clock: Clock
) -> None:
    get(ring)
    clock.now += 24 * HOUR
    flood(ring, refusal)
    assert get(ring) == private_key(0).public_key()


def test_made_up_keys_do_not_push_a_known_key_out(host: Adobe, ring: KeyRing, clock: Clock) -> None:
    get(ring)
    for _ in range(20):
        clock.now += 60
        flood(ring, refusal)
    get(ring)
    assert host.server.paths().count(PATH) == 1


def flood(ring: KeyRing, ask: Callable[[KeyRing, str], object]) -> None:
    for number in range(FETCHES_PER_MINUTE + 3):
        ask(ring, made_up(number))
