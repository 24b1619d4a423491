"""Does A8 see the wrong virtual host, circles and certificates that do not hold?"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from aem_checks.kinds.availability.domains import Domains, DomainsSettings
from aem_checks.network_guard.rule import Rule
from aem_checks.tls import Certificate, read_certificate
from unit.aem_checks.small_site import HTML, SmallSite, outcome, visit

GOOD = (200, "home", {**HTML, "X-Vhost": "publish"})


def _visit(tmp_path, answers, pages=("/us/en.html",), **settings):
    check = Domains(DomainsSettings(**settings))
    judgement = visit(check, tmp_path, answers, pages=pages)
    return outcome(check, judgement), judgement


def test_the_right_virtual_host_passes(tmp_path):
    result, judgement = _visit(tmp_path, lambda path: GOOD, vhost="publish")
    assert (result, judgement.examined, judgement.findings) == ("block passed", 1, ())


@pytest.mark.parametrize(
    ("answer", "settings", "words"),
    [
        ((200, "x", {**HTML, "X-Vhost": "catch-all"}), {}, "'catch-all'"),
        (GOOD, {"vhost": "studio"}, "'publish'"),
        ((421, "x"), {}, "status 421"),
        ((301, "", {"Location": "/us/en.html"}), {}, "lead back"),
    ],
)
def test_a_wrong_answer_blocks(tmp_path, answer, settings, words):
    result, judgement = _visit(tmp_path, lambda path: answer, **settings)
    assert result == "block failed product"
    assert words in judgement.findings[0].sentence


def test_redirects_that_never_end_are_a_circle(tmp_path):
    def answers(path):
        return (302, "", {"Location": f"{path}x"})

    assert "lead back" in _visit(tmp_path, answers)[1].findings[0].sentence


def test_a_removed_header_is_a_note_and_no_answer_where_one_is_expected(tmp_path):
    assert _visit(tmp_path, lambda path: (200, "x"))[0] == "block passed"
    assert _visit(tmp_path, lambda path: (200, "x"), vhost="publish")[0] == "block inconclusive network"


def test_a_refused_gate_is_inconclusive(tmp_path):
    assert _visit(tmp_path, lambda path: (405, "x"))[0] == "block inconclusive network"


def test_further_domains_are_asked_at_their_path_and_have_to_lead_where_they_should(tmp_path):
    async def run():
        apex = SmallSite({"/start": (301, "", {"Location": "https://www.wknd.site/"})})
        async with apex.running() as url:
            wanted = [{"url": url, "path": "/start", "leads_to": "https://www.wknd.site"}]
            good = await asyncio.to_thread(_visit, tmp_path, lambda path: GOOD, domains=wanted)
            other = [{**wanted[0], "leads_to": "https://www.wknd.example"}]
            wrong = await asyncio.to_thread(_visit, tmp_path, lambda path: GOOD, domains=other)
            return good, wrong, apex.paths

    (good, judgement), (wrong, _), paths = asyncio.run(run())
    assert (good, judgement.examined, wrong) == ("block passed", 2, "block failed product")
    assert set(paths) == {"/start"}


def test_only_listed_domains_are_contacted_also_by_redirects(tmp_path):
    elsewhere = lambda path: (302, "", {"Location": "https://never.invalid/"})  # noqa: E731
    assert _visit(tmp_path, elsewhere)[0] == "block passed"


# Certificates


def _certificate(folder, *, days=90, host="127.0.0.1"):
    """A self-signed certificate and its key in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "stage gate test")])
    start = datetime.now(UTC) - timedelta(days=400)
    built = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(datetime.now(UTC) + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = folder / f"{days}-{host}.pem"
    file.write_bytes(private + built.public_bytes(serialization.Encoding.PEM))
    return file


@asynccontextmanager
async def _tls_host(file):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)

    async def hang_up(reader, writer):
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0, ssl=context) as server:
        yield server.sockets[0].getsockname()[1]


def _read(file, *, host="127.0.0.1", rule_of=None) -> Certificate:
    async def run():
        async with _tls_host(file) as port:
            rule = Rule.of([rule_of or f"https://{host}:{port}"])
            return await read_certificate(host, port, rule, seconds=60)

    return asyncio.run(run())


def test_a_certificate_that_this_machine_trusts_is_read(tmp_path, monkeypatch):
    file = _certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    found = _read(file)
    assert found.ends is not None
    assert (found.ends - datetime.now(UTC)).days in (89, 90)


@pytest.mark.parametrize(
    ("options", "trusted", "words"),
    [
        ({}, False, "self-signed"),
        ({"host": "127.0.0.9"}, True, "IP address mismatch"),
        ({"days": -1}, True, "expired"),
    ],
)
def test_a_certificate_that_does_not_hold_is_refused(tmp_path, monkeypatch, options, trusted, words):
    file = _certificate(tmp_path, **options)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
    found = _read(file)
    assert (found.refused, found.ends) == (True, None)
    assert words in found.problem


def test_a_host_that_the_gate_file_does_not_name_is_not_contacted(tmp_path):
    found = _read(_certificate(tmp_path), rule_of="https://127.0.0.2:4711")
    assert (found.refused, found.ends) == (False, None)


def test_a_host_without_tls_gives_no_answer(tmp_path):
    async def run():
        async with SmallSite({}).running() as url:
            port = int(url.rpartition(":")[2])
            return await read_certificate(
                "127.0.0.1", port, Rule.of([f"https://127.0.0.1:{port}"]), seconds=60
            )

    found = asyncio.run(run())
    assert found.problem
    assert not found.refused


@pytest.mark.parametrize(("days", "expected"), [(90, []), (29, ["warn"]), (0, ["warn"])])
def test_a_certificate_that_ends_soon_is_a_warning(days, expected):
    check = Domains(DomainsSettings())
    ends = datetime.now(UTC) + timedelta(days=days, hours=1)
    found = list(check._certificate("https://www.wknd.site", Certificate(ends=ends), datetime.now(UTC)))
    assert [finding.severity for finding in found] == expected


def test_a_domain_with_a_certificate_of_nobody_blocks(tmp_path):
    async def run():
        async with _tls_host(_certificate(tmp_path)) as port:
            domains = [f"https://127.0.0.1:{port}"]
            return await asyncio.to_thread(_visit, tmp_path, lambda path: GOOD, domains=domains)

    result, judgement = asyncio.run(run())
    assert result == "block failed product"
    assert "expected a valid certificate, got self-signed certificate" in judgement.findings[0].sentence


@asynccontextmanager
async def _proxy(asked, status=b"200 OK"):
    """A proxy that gives tunnels, for which each host is this machine, or refuses them with another status."""

    async def pipe(reader, writer):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def serve(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        asked.append(head.split(b" ")[1].decode())
        writer.write(b"HTTP/1.1 " + status + b"\r\n\r\n")
        if status.startswith(b"200"):
            inside = await asyncio.open_connection("127.0.0.1", int(asked[-1].rpartition(":")[2]))
            await asyncio.gather(pipe(reader, inside[1]), pipe(inside[0], writer), return_exceptions=True)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize(("status", "problem"), [(b"200 OK", ""), (b"403 No", "gave no tunnel")])
def test_a_certificate_is_read_through_the_proxy_that_the_environment_names(
    tmp_path, monkeypatch, status, problem
):
    file, asked = _certificate(tmp_path, host="10.9.8.7"), []
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)

    async def run():
        async with _tls_host(file) as port, _proxy(asked, status) as proxy:
            monkeypatch.setenv("https_proxy", proxy)
            rule = Rule.of([f"https://10.9.8.7:{port}"])
            return await read_certificate("10.9.8.7", port, rule, seconds=60), port

    found, port = asyncio.run(run())
    assert asked == [f"10.9.8.7:{port}"]
    assert (found.ends is None) == bool(problem)
    assert problem in found.problem
