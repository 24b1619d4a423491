"""Does the command line say with its exit code, table, JSON and JUnit what the checks found?"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from junitparser import JUnitXml

import aem_checks
from aem_checks.cli import main
from unit.aem_checks.page_site import SCRIPT, PageSite, page, status

pytestmark = pytest.mark.usefixtures("own_temporary_files")
ONLY = ["--only", "key_pages", "--only", "client_libraries"]


@contextmanager
def serving(site: PageSite) -> Iterator[str]:
    """Run a site in a thread of its own, so that the command line has the main one."""
    loop, ready, ended = asyncio.new_event_loop(), threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with site:
            ready.set()
            await ended.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(60)
    try:
        yield site.url
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(60)
        loop.close()


@pytest.fixture
def gate(tmp_path):
    def write(url: str, more: str = "") -> str:
        path = tmp_path / "wknd.yaml"
        path.write_text(
            f"sites:\n  - name: wknd\n    stage: {url}\n    pages: [/]\n    requests_per_second: 1000\n{more}"
        )
        return str(path)

    return write


def test_a_good_site_exits_0_with_a_table(gate, capsys):
    with serving(PageSite()) as url:
        code = main(["run", gate(url), "--site", "stage", *ONLY])
    shown = capsys.readouterr().out
    assert code == 0
    assert "key_pages" in shown
    assert "stage: passed (2 checks)" in shown


def test_a_broken_site_exits_1_and_says_why_in_all_formats(gate, capsys, tmp_path):
    junit = tmp_path / "out.xml"
    with serving(PageSite({SCRIPT: status(404)})) as url:
        code = main(["run", gate(url), "--site", "stage", *ONLY, "--json", "-", "--junit", str(junit)])
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert code == 1
    assert "answers with status 404" in err
    assert "(client_libraries.status)" in err
    assert told["outcome"] == "failed"
    assert {each["key"]: each["outcome"] for each in told["results"]} == {
        "key_pages": "passed",
        "client_libraries": "failed",
    }
    cases = {case.name: case for suite in JUnitXml.fromfile(str(junit)) for case in suite}
    assert cases["key_pages"].is_passed
    assert cases["client_libraries"].is_failure


def test_an_unreachable_site_exits_3(gate, capsys):
    with serving(PageSite(everything=status(405))) as url:
        code = main(["run", gate(url), "--site", "stage", *ONLY])
    assert code == 3
    assert "IP allow list" in capsys.readouterr().out


def test_only_warnings_are_no_proof_and_exit_3(gate, capsys):
    with serving(PageSite()) as url:
        more = "checks:\n  key_pages: {severity: warn}\n"
        code = main(["run", gate(url, more), "--site", "stage", "--only", "key_pages"])
    assert code == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--site", "stage", "--only", "no_such"], "no_such is not planned on stage"),
        (["--site", "stage", "--name", "other"], "no site is called 'other'; there are wknd"),
        (["--site", "production"], "no check is planned on production"),
    ],
)
def test_a_wrong_command_line_exits_2(gate, capsys, arguments, words):
    assert main(["run", gate("http://127.0.0.1:9"), *arguments]) == 2
    assert words in capsys.readouterr().err


def test_a_wrong_gate_file_exits_2_with_its_line(gate, capsys):
    assert main(["run", gate("http://127.0.0.1:9", "checks:\n  key_page: {}\n"), "--site", "stage"]) == 2
    assert "wknd.yaml:7:" in capsys.readouterr().err
    assert main(["run", "/no/such/file.yaml", "--site", "stage"]) == 2


def test_a_missing_connection_exits_2_before_anything_is_sent(gate, capsys, monkeypatch):
    monkeypatch.delenv("AIRFLOW_CONN_WKND_STAGE", raising=False)
    site = PageSite()
    with serving(site) as url:
        path = gate(f"{{url: '{url}', access: wknd_stage}}")
        assert main(["run", path, "--site", "stage", "--only", "key_pages"]) == 2
    assert "AIRFLOW_CONN_WKND_STAGE" in capsys.readouterr().err
    assert site.requests == []


def test_the_whole_plan_runs_on_a_protected_site(gate, capsys, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_WKND_STAGE", "http://user:s3cr3t-word@")

    def protected(request):
        right = request.headers.get("Authorization") == "Basic dXNlcjpzM2NyM3Qtd29yZA=="
        return (page() if right else status(401))(request)

    site = PageSite({"/": protected})
    named = "key_pages: {}, real_404: {}, placeholders: {}, host_leaks: {}, client_libraries: {}"
    more = f"checks: {{others: false, {named}, settled: {{answers: 2, every: 0s}}}}\n"
    with serving(site) as url:
        code = main(["run", gate(f"{{url: '{url}', access: wknd_stage}}", more), "--site", "stage"])
    out, err = capsys.readouterr()
    assert code == 0, out + err
    assert "served build not verified" in out
    assert "s3cr3t" not in out + err


def test_help_documents_the_exit_codes(capsys):
    with pytest.raises(SystemExit):
        main(["run", "--help"])
    assert "inconclusive" in capsys.readouterr().out


def test_list_names_the_kinds(capsys):
    assert main(["list"]) == 0
    assert "client_libraries" in capsys.readouterr().out


def test_an_interrupt_ends_at_once_without_a_traceback(gate):
    async def never(request):
        await asyncio.sleep(600)
        return page()(request)

    site = PageSite(everything=never)
    plugins = Path(aem_checks.__file__).parents[1]
    with serving(site) as url:
        process = subprocess.Popen(
            [sys.executable, "-m", "aem_checks", "run", gate(url), "--site", "stage", "--only", "key_pages"],
            env={**os.environ, "PYTHONPATH": str(plugins)},
            stderr=subprocess.PIPE,
            text=True,
        )
        deadline = time.monotonic() + 120
        while not site.requests and time.monotonic() < deadline:
            time.sleep(0.001)  # often the loop is just about to wait when the signal comes
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "interrupted" in err
    assert "Traceback" not in err


def test_a_fault_of_the_program_is_no_failed_check(monkeypatch, capsys):
    def broken(_):
        raise IndexError("what nobody expected")

    monkeypatch.setattr("aem_checks.cli._run", broken)
    assert main(["run", "gate.yaml", "--site", "stage"]) == 70
    assert "IndexError: what nobody expected" in capsys.readouterr().err
