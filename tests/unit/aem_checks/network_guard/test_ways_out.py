"""Whichever way a request leaves, does it reach no address that nobody may ask, however that is spelled or named?

The hosts are named by the rule itself, as no gate file can: what is shown is that each way out asks it. Nothing is
sent: a connection to anywhere but this machine is noted and refused.
"""

from __future__ import annotations

import asyncio
import socket
from asyncio.selector_events import BaseSelectorEventLoop
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from aem_checks.access import NO_ACCESS
from aem_checks.asking import ask_live
from aem_checks.checkout import Checkout, CheckoutError, opened
from aem_checks.client import Client
from aem_checks.house import House
from aem_checks.kinds.links._outside import check_outside
from aem_checks.means import Means
from aem_checks.network_guard.connecting import allowed_addresses, ask_system, guarded_resolver
from aem_checks.network_guard.forward_proxy import ForwardProxy
from aem_checks.network_guard.rule import NotAllowed, Rule
from aem_checks.rate_limit import RateLimit
from aem_checks.sites import SiteConfig
from aem_checks.tls import read_certificate
from stage_gate.commands.site_probe import ask
from unit.aem_checks.network_guard.spellings import METADATA, NUMBERS, WRAPPED, refused_hosts

RESOLVING = {
    "at-metadata.example": ["169.254.169.254"],
    "behind-a-public-one.example": ["8.8.8.8", "169.254.169.254"],
    "behind-two-public-ones.example": ["8.8.8.8", "2001:4860:4860::8888", "::ffff:100.100.100.200"],
    "mapped.example": ["::ffff:169.254.169.254"],
    "translated.example": ["64:ff9b::a9fe:a9fe"],
    "by-ipv6.example": ["fd00:ec2::254"],
    "azure.example": ["168.63.129.16"],
}
"""Names that are nothing to look at, and the addresses that they resolve to."""
PRIVATE = {"intranet.example": ["8.8.8.8", "10.1.2.3"], "mapped-intranet.example": ["::ffff:10.1.2.3"]}
"""The same for names that may be asked where the gate file says ``private: true``."""


@dataclass
class Network:
    """Names as above; connections that leave this machine are noted and refused."""

    dialled: list[str] = field(default_factory=list)
    at_the_proxy: list[str] = field(default_factory=list)
    """First lines that a proxy of the deployment was sent."""


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    network = Network()
    look_up, connect = socket.getaddrinfo, BaseSelectorEventLoop.sock_connect

    def resolve(host: Any, port: Any, *rest: Any, **more: Any) -> list[Any]:
        name = host.decode() if isinstance(host, bytes) else str(host)
        addresses = (RESOLVING | PRIVATE).get(name, [host])
        return [each for address in addresses for each in look_up(address, port, *rest, **more)]

    async def noted(loop: Any, sock: socket.socket, address: Any) -> None:
        if not str(address[0]).startswith(("127.", "::1")):
            network.dialled.append(str(address[0]))
            raise ConnectionRefusedError(111, "Connection refused")
        await connect(loop, sock, address)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(BaseSelectorEventLoop, "sock_connect", noted)
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return network


def rule_for(url: str, private: bool) -> Rule:
    return Rule.of([url], private=[url] if private else [])


async def by_client(host: str, private: bool, folder: Path) -> str:
    url = f"http://{host}/"
    limit = RateLimit(5000, folder=folder)
    async with Client({url: NO_ACCESS}, rule=rule_for(url, private), rate_limit=limit) as client:
        return (await client.get(f"{url}latest/meta-data/")).error or "answered"


async def by_request_to_the_proxy(host: str, private: bool, folder: Path, *, tunnel: bool = False) -> str:
    rule = rule_for(f"http://{host}", private)
    async with ForwardProxy(rule, RateLimit(5000, folder=folder)) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(proxy.url.rpartition(":")[2]))
        head = f"CONNECT {host}:80" if tunnel else f"GET http://{host}/latest/"
        writer.write(f"{head} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        status = (await reader.readline()).split(b" ")[1]
        writer.close()
        return "answered" if status == b"200" else " ".join(proxy.refused.values())


async def by_tunnel_of_the_proxy(host: str, private: bool, folder: Path) -> str:
    return await by_request_to_the_proxy(host, private, folder, tunnel=True)


async def by_handshake(host: str, private: bool, folder: Path) -> str:
    name = host.strip("[]")
    return (await read_certificate(name, 443, rule_for(f"https://{host}", private), seconds=60)).problem


async def by_git(host: str, private: bool, folder: Path) -> str:
    checkout = Checkout.model_construct(repository=f"https://{host}/wknd.git", folder=None, access=None)
    nothing: Any = None
    visit = Means(nothing, "stage", nothing, None, folder, facts={"commit_id": "1" * 40})
    try:
        async with opened(checkout, visit):
            return "answered"
    except CheckoutError as error:
        return str(error)


async def by_doctor(host: str, private: bool, folder: Path) -> str:
    return (await asyncio.to_thread(ask, f"http://{host}/", private=private)).error


Way = Callable[[str, bool, Path], Awaitable[str]]
WAYS: tuple[Way, ...] = (
    by_client,
    by_request_to_the_proxy,
    by_tunnel_of_the_proxy,
    by_handshake,
    by_git,
    by_doctor,
)


def hosts_of(way: Way) -> list[str]:
    """All; of those that are written, git is tried with few, since it starts slowly and asks by the same proxy."""
    written = [host for _, host in refused_hosts()]
    if way is by_git:
        written = [
            NUMBERS["decimal"](METADATA),
            WRAPPED["mapped, dotted"](METADATA),
            "metadata.google.internal",
        ]
    return [*written, *RESOLVING]


REFUSED = [(way, host) for way in WAYS for host in hosts_of(way)]


def named(value: Any) -> str | None:
    return value.__name__ if callable(value) else None


@pytest.mark.parametrize("private", [False, True])
@pytest.mark.parametrize(("way", "host"), REFUSED, ids=named)
def test_no_way_out_leads_to_what_nobody_may_ask(
    network: Network, tmp_path: Path, way: Way, host: str, private: bool
) -> None:
    said = asyncio.run(way(host, private, tmp_path))
    assert network.dialled == []
    assert "not contacted" in said.lower() or said == ""  # the proxy answers 400 to what it can't read


@pytest.mark.parametrize("private", [False, True])
@pytest.mark.parametrize("host", PRIVATE)
@pytest.mark.parametrize("way", WAYS, ids=named)
def test_every_address_of_a_name_has_to_be_one_that_may_be_asked(
    network: Network, tmp_path: Path, way: Way, host: str, private: bool
) -> None:
    said = asyncio.run(way(host, private, tmp_path))
    may = private or way is by_git  # a repository is often inside of the company's network
    assert bool(network.dialled) is may
    assert ("no public address" in said) is not may


@pytest.mark.parametrize("host", RESOLVING)
def test_links_to_an_allowed_host_are_not_followed_to_what_nobody_may_ask(
    network: Network, tmp_path: Path, host: str
) -> None:
    async def scene() -> None:
        site = SiteConfig.model_validate(
            {"stage": "https://stage.wknd.site", "pages": ["/"], "allow_hosts": [host]}
        )
        limit = RateLimit(5000, folder=tmp_path)
        async with Client.for_site(site, lambda _: NO_ACCESS, rate_limit=limit) as client:
            visit = Means(site, "stage", client, None, tmp_path)
            steps = check_outside({f"http://{host}/": "/", f"https://{host}/a": "/"}, visit)
            assert await ask_live(steps, client, lambda _: None, House(rule=Rule.for_site(site))) == []

    asyncio.run(scene())
    assert network.dialled == []


def test_the_client_looks_up_no_name_but_those_of_its_site(network: Network) -> None:
    """However its library may read a URL: the name that is looked up is one that the gate file names."""

    async def scene() -> None:
        with pytest.raises(NotAllowed, match="no address of this site"):
            await guarded_resolver(rule_for("http://stage.wknd.site", False), frozenset()).resolve(
                "elsewhere.example", 80
            )

    asyncio.run(scene())


def test_the_proxy_of_the_deployment_is_found_wherever_it_is_and_nothing_else_is(network: Network) -> None:
    """Its name is the deployment's own: it is no address of the site, and may be a private one."""

    async def addresses(name: str) -> list[str]:
        resolver = guarded_resolver(
            rule_for("http://stage.wknd.site", False), frozenset({"intranet.example"})
        )
        return [each["host"] for each in await resolver.resolve(name, 3128, socket.AF_UNSPEC)]

    assert asyncio.run(addresses("intranet.example")) == PRIVATE["intranet.example"]
    with pytest.raises(NotAllowed, match=r"^mapped-intranet.example:3128 is no address of this site"):
        asyncio.run(addresses("mapped-intranet.example"))


def test_all_addresses_of_a_name_are_found_each_once_in_the_order_of_the_resolver(network: Network) -> None:
    name = "behind-two-public-ones.example"
    found = asyncio.run(ask_system(name, 80))
    assert found == [*RESOLVING[name][:2], "::ffff:100.100.100.200"]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_address_that_may_not_be_asked_closes_all_of_the_name_wherever_it_stands(place: int) -> None:
    found = ["8.8.8.8", "2001:4860:4860::8888"]
    asked: list[tuple[str, int]] = []

    async def lookup(host: str, port: int) -> list[str]:
        asked.append((host, port))
        return found

    rule = rule_for("http://stage.wknd.site", False)
    assert asyncio.run(allowed_addresses(rule, "stage.wknd.site", 80, lookup)) == found
    found.insert(place, "::ffff:10.1.2.3")
    with pytest.raises(NotAllowed, match=r"resolves to .*, which is no public address"):
        asyncio.run(allowed_addresses(rule, "stage.wknd.site", 80, lookup))
    with pytest.raises(NotAllowed, match=r"^elsewhere.example:80 is no address of this site"):
        asyncio.run(allowed_addresses(rule, "elsewhere.example", 80, lookup))
    assert asked == [("stage.wknd.site", 80)] * 2


async def behind_a_proxy(network: Network, monkeypatch: pytest.MonkeyPatch, scene: Awaitable[str]) -> str:
    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        network.at_the_proxy.append((await reader.readuntil(b"\r\n\r\n")).partition(b"\r\n")[0].decode())
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(note, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        monkeypatch.setenv("http_proxy", url)
        monkeypatch.setenv("https_proxy", url)
        return await scene


@pytest.mark.parametrize("host", [host for _, host in refused_hosts()])
@pytest.mark.parametrize("way", [way for way in WAYS if way is not by_git], ids=named)
def test_a_proxy_of_the_deployment_is_not_asked_for_what_nobody_may_ask(
    network: Network, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, way: Way, host: str
) -> None:
    said = asyncio.run(behind_a_proxy(network, monkeypatch, way(host, True, tmp_path)))
    assert network.at_the_proxy == []
    assert "not contacted" in said or said == ""


@pytest.mark.parametrize("way", WAYS, ids=named)
def test_what_may_be_asked_goes_through_the_proxy_of_the_deployment(
    network: Network, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, way: Way
) -> None:
    asyncio.run(behind_a_proxy(network, monkeypatch, way("stage.wknd.site", False, tmp_path)))
    assert network.at_the_proxy
    assert all("stage.wknd.site" in line for line in network.at_the_proxy)
    assert network.dialled == []
