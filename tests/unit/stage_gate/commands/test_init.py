"""A new gate file: which pipeline, which hosts, which pages, and never over an old file."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from adobe_cloud_manager.models import Phase, Pipeline, Program
from stage_gate.commands.drafting import look_for_pages
from stage_gate.commands.init import (
    Address,
    Choice,
    Draft,
    InitError,
    choose,
    gate_name,
    render,
    table,
    write_gate,
)
from stage_gate.commands.site_probe import ask, source_address
from stage_gate.commands.sitemap_pages import MAX_PAGES, pick
from stage_gate.configuration.gate_file import load_gate
from stage_gate.rules.decision import Mode
from unit.stage_gate.waiting import PATIENCE

PROGRAM = Program("12345", 'WKND (global) "x"\n# y', "1", True)


def pipeline(number: str, name: str, *environments: str) -> Pipeline:
    phases = tuple(Phase("DEPLOY", "DEPLOY", f"{number}{i}", each) for i, each in enumerate(environments))
    return Pipeline(number, "12345", name, phases=(Phase("BUILD", "BUILD"), *phases))


GUARDABLE = Choice(PROGRAM, pipeline("1", "Production", "stage", "prod"))
OTHER = Choice(PROGRAM, pipeline("2", "Production two", "stage", "prod"))
DEV = Choice(PROGRAM, pipeline("3", "Dev", "dev"))


def draft(name: str = "wknd", pages: tuple[str, ...] = ("/", "/us/en.html")) -> Draft:
    stage = Address("https://publish-p12345-e10.adobeaemcloud.com", guessed=True)
    production = Address("https://www.wknd.site", origin="https://publish-p12345-e11.adobeaemcloud.com")
    return Draft(name, "cm", GUARDABLE, stage, production, pages, "the sitemap")


def test_the_only_pipeline_that_can_be_guarded_needs_no_choice() -> None:
    assert choose([DEV, GUARDABLE], None) is GUARDABLE
    assert choose([GUARDABLE, OTHER], "2") is OTHER
    assert choose([GUARDABLE, OTHER], "Production") is GUARDABLE


@pytest.mark.parametrize(
    ("choices", "named", "words"),
    [
        ([GUARDABLE, OTHER], None, "2 pipelines can be guarded"),
        ([DEV], None, "none can be guarded"),
        ([GUARDABLE, DEV], "Dev", "does not deploy to stage and then to production"),
        ([GUARDABLE], "9", "no pipeline called '9'"),
        ([GUARDABLE, GUARDABLE], "1", "2 pipelines called '1'"),
    ],
)
def test_a_choice_that_is_not_clear_is_refused(choices: list[Choice], named: str | None, words: str) -> None:
    with pytest.raises(InitError, match=words):
        choose(choices, named)


def test_the_table_marks_what_can_be_guarded() -> None:
    lines = table([GUARDABLE, DEV]).splitlines()
    assert lines[1].startswith("  * 1 ")
    assert lines[2].startswith("    3 ")
    assert "full stack production" in lines[1]


def test_the_written_file_is_a_gate_in_shadow_mode_whatever_names_cloud_manager_has(tmp_path: Path) -> None:
    gate = load_gate(write_gate(draft(), tmp_path / "gates"))
    assert (gate.mode, gate.pipeline.connection) == (Mode.SHADOW, "cm")
    assert (gate.pipeline.program, gate.pipeline.pipeline) == ("12345", "1")
    assert gate.sites[0].pages == ("/", "/us/en.html")
    assert gate.sites[0].production is not None
    assert gate.sites[0].production.identity == "https://publish-p12345-e11.adobeaemcloud.com"


def test_a_guessed_address_is_marked_and_a_known_one_is_not() -> None:
    text = render(draft(), Path("gates"))
    guessed = [line for line in text.splitlines() if "guessed" in line]
    assert len(guessed) == 1
    assert "publish-p12345-e10" in guessed[0]


def test_nothing_is_ever_overwritten(tmp_path: Path) -> None:
    file = write_gate(draft(), tmp_path)
    file.write_text("precious", encoding="utf-8")
    with pytest.raises(InitError, match="is left as it is"):
        write_gate(draft(), tmp_path)
    assert file.read_text(encoding="utf-8") == "precious"
    (tmp_path / "other.yml").write_text("precious", encoding="utf-8")
    with pytest.raises(InitError, match=r"other\.yml"):
        write_gate(draft("other"), tmp_path)


def test_the_name_of_a_gate_comes_from_the_program() -> None:
    assert gate_name(GUARDABLE) == "wknd-global-x-y"
    assert gate_name(Choice(Program("7", "日本", "1", True), GUARDABLE.pipeline)) == "program-7"


def test_pages_are_few_and_varied() -> None:
    paths = [f"/us/en/magazine/{n}.html" for n in range(50)] + [
        "/us/en.html",
        "/us/en/about.html",
        "/de/de/a.html",
    ]
    picked = pick(paths)
    assert picked[0] == "/"
    assert {"/us/en.html", "/us/en/about.html", "/de/de/a.html", "/us/en/magazine/0.html"} <= set(picked)
    assert len(picked) == MAX_PAGES
    assert pick([]) == ()


SITEMAPS = {
    "/robots.txt": b"User-agent: *\nSitemap: https://www.wknd.site/index.xml\n",
    "/index.xml": b'<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
    b"<sitemap><loc>https://www.wknd.site/us.xml</loc></sitemap><sitemap><loc>/broken.xml</loc></sitemap></sitemapindex>",
    "/us.xml": b'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
    b"<url><loc>https://www.wknd.site/us/en.html</loc></url><url><loc>https://www.wknd.site/us/en/a b.html</loc></url></urlset>",
    "/broken.xml": b"<urlset>",
}


@pytest.fixture
def site() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = SITEMAPS.get(self.path)
            self.send_response(200 if body else 404)
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_pages_come_from_the_sitemaps_on_the_asked_host_only(site: str) -> None:
    assert look_for_pages(("http://127.0.0.1:1", site), PATIENCE) == (
        ("/", "/us/en.html"),
        f"the sitemap of {site}",
    )


def test_without_a_sitemap_the_home_page_is_all() -> None:
    assert look_for_pages(("http://127.0.0.1:1",), PATIENCE) == (("/",), "")


def test_a_site_that_does_not_answer_is_an_answer_with_a_reason(site: str) -> None:
    assert ask("http://127.0.0.1:1/").error == "no connection (Connection refused)"
    assert ask("http://no-such-host.invalid/").status == 0
    found = ask(f"{site}/robots.txt", seconds=PATIENCE)
    assert (found.status, found.date is not None) == (200, True)
    assert source_address(site) == "127.0.0.1"
    assert source_address("http://no-such-host.invalid/") == ""
