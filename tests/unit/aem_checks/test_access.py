"""Are credentials read from an Airflow connection as it is written in the environment, and never shown?"""

from __future__ import annotations

import json
from collections.abc import Callable
from html import escape
from urllib.parse import quote, quote_plus
from xml.etree import ElementTree

import pytest

from aem_checks.access import Access, AccessError, access_from_environment, access_from_fields

VARIABLE = "AIRFLOW_CONN_WKND_STAGE"


@pytest.mark.parametrize(
    ("connection", "headers"),
    [
        ("http://user:p%40ss@", {"Authorization": "Basic dXNlcjpwQHNz"}),
        ("http://?edge_key=abcd", {"X-AEM-Edge-Key": "abcd"}),
        ("http://?__extra__=%7B%22bearer%22%3A%20%22tok%22%7D", {"Authorization": "Bearer tok"}),
        (json.dumps({"conn_type": "http", "login": "u", "password": "p"}), {"Authorization": "Basic dTpw"}),
        (json.dumps({"extra": {"headers": {"X-Key": "v"}}}), {"X-Key": "v"}),
        (json.dumps({"extra": '{"edge_key": "k"}'}), {"X-AEM-Edge-Key": "k"}),
    ],
)
def test_a_connection_is_read_as_uri_or_json(monkeypatch, connection, headers):
    monkeypatch.setenv(VARIABLE, connection)
    assert access_from_environment("wknd_stage").request_headers == headers


@pytest.mark.parametrize(
    "connection",
    [
        "",
        "{broken s3cret",
        "http://",
        '{"extra": "s3cret"}',
        '{"login": "u", "extra": {"bearer": "s3cret"}}',
        '{"extra": {"headers": "s3cret"}}',
        '{"extra": {"bearer": "a\\ns3cret"}}',
        "http://[s3cret",
        '{"extra": ["s3cret"]}',
    ],
)
def test_an_unusable_connection_is_named_but_not_quoted(monkeypatch, connection):
    monkeypatch.setenv(VARIABLE, connection)
    with pytest.raises(AccessError, match=VARIABLE) as error:
        access_from_environment("wknd_stage")
    assert "s3cret" not in str(error.value)


@pytest.mark.parametrize(
    ("connection", "why"),
    [
        ("postgres://user:s3cret@host", "of type 'postgres', which opens no site"),
        ("adobe-cloud-manager://user:s3cret@", "of type 'adobe-cloud-manager', which opens no site"),
        (json.dumps({"conn_type": "AWS", "login": "u", "password": "s3cret"}), "of type 'aws'"),
        (json.dumps({"conn_type": "a_new_one", "login": "u", "password": "s3cret"}), "of type 'a_new_one'"),
        (
            json.dumps({"login": "u", "password": "s3cret", "extra": {"org_id": "x"}}),
            "credential of Adobe's APIs",
        ),
        ("http://u:s3cret@?org_id=x", "credential of Adobe's APIs"),
        (
            json.dumps({"conn_type": "http", "login": "u", "host": "http://[s3cret"}),
            "a host that can't be read",
        ),
        (json.dumps({"conn_type": "http", "login": "u", "host": "/s3cret"}), "a host that can't be read"),
    ],
)
def test_a_connection_that_is_plainly_no_site_s_opens_none(monkeypatch, connection, why):
    monkeypatch.setenv(VARIABLE, connection)
    with pytest.raises(AccessError, match=why) as error:
        access_from_environment("wknd_stage")
    assert "s3cret" not in str(error.value)


@pytest.mark.parametrize(
    ("connection", "hosts"),
    [
        ("http://user:p@stage.example.com", {"stage.example.com"}),
        ("http://user:p@Stage.example.com:8443", {"stage.example.com:8443"}),
        ("http://user:p@https%3A%2F%2Fstage.example.com", {"stage.example.com"}),
        (
            json.dumps({"login": "u", "host": "https://stage.example.com/path", "port": "443"}),
            {"stage.example.com"},
        ),
        (json.dumps({"login": "u", "host": "stage.example.com", "port": 8080}), {"stage.example.com:8080"}),
        (json.dumps({"login": "u", "host": ""}), set()),
    ],
)
def test_the_host_of_a_connection_is_the_only_one_that_it_opens(monkeypatch, connection, hosts):
    monkeypatch.setenv(VARIABLE, connection)
    access = access_from_environment("wknd_stage")
    assert access.hosts == hosts
    if hosts:
        with pytest.raises(AccessError, match=r"only, not evil\.example"):
            access.at("https://evil.example/")
    else:
        assert access.at("https://evil.example/") is access


def test_credentials_are_never_shown():
    access = access_from_fields("user", "p4ssword", {"edge_key": "s3cret"})
    assert repr(access) == str(access) == f"{access}" == "Access(X-AEM-Edge-Key, basic auth)"
    assert access
    assert not Access()


def _in_xml(text: str) -> str:
    element = ElementTree.Element("failure", message=text)
    element.text = text
    return ElementTree.tostring(element, encoding="unicode")


@pytest.mark.parametrize(
    "written",
    [
        escape,
        _in_xml,
        quote,
        quote_plus,
        json.dumps,
        lambda text: quote(text, safe="").lower(),
        lambda text: _in_xml(f"<p>{escape(text)}</p>"),
        lambda text: json.dumps(escape(text)),
        lambda text: quote(quote(text, safe=""), safe=""),
        lambda text: escape(json.dumps(text)),
    ],
)
def test_a_password_is_known_however_a_site_or_a_report_writes_it(written: Callable[[str], str]) -> None:
    password = "s3cr3t&<\"'/=>%ü"
    told = written(password)
    for form in Access(basic=("someone", password)).secrets:
        told = told.replace(form, "***")
    assert "***" in told
    assert "3cr3t" not in told
