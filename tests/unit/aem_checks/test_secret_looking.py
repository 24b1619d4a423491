"""Is what could be a secret seen as one, and is the usual source of a release kept?"""

from __future__ import annotations

import pytest

from aem_checks.secret_looking import looks_secret


@pytest.mark.parametrize(
    "text",
    [
        '{"password": "correct-horse"}',
        'apiKey="abcdefgh"',
        'smtp.password=T"correct-horse"',
        "client_secret: 'correct-horse'",
        "<password>correct-horse</password>",
        "aws.accessKeyId=something",
        "AKIAIOSFODNN7EXAMPLE",
        "-----BEGIN RSA PRIVATE KEY-----",
        "value={1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d}",
        "https://user:word@git.example/wknd.git",
        "Authorization: Bearer abcdef0123456789",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc",
        "x = ghp_abcdefghijklmnopqrstuvwx",
        "key: Zm9vYmFyMTIzNDU2Nzg5MGFiY2RlZkdISUpL",
    ],
)
def test_what_may_be_a_secret_is_not_kept(text: str) -> None:
    assert looks_secret(f"first line\n{text}\nlast line")


@pytest.mark.parametrize(
    "text",
    [
        '{"password": "$[secret:SMTP_PASSWORD]", "host": "smtp.example"}',
        "password=${{SMTP_PASSWORD}}",
        "token: ${CDN_TOKEN}",
        '{"maxTokens": 4096, "secretless": true}',
        '<filter root="/content/wknd" mode="merge"/>',
        "<artifactId>wknd.ui.apps</artifactId><version>1.2.3-SNAPSHOT</version>",
        '/0001 { /type "deny" /url "*" }',
        "org.apache.sling.jcr.repoinit.RepositoryInitializer~wknd.cfg.json",
        "/apps/wknd/components/structure/page/customheaderlibs/experiencefragment.html",
        "",
    ],
)
def test_the_usual_source_is_kept(text: str) -> None:
    assert not looks_secret(f"first line\n{text}\nlast line")
