"""Is a look spread over the whole site, in the same places in each release, and on this site alone?"""

from __future__ import annotations

from aem_checks.coverage.candidates import paths_of, worth_a_look

HOSTS = frozenset({"stage.example", "www.example"})
SITE = [f"/us/en/{folder}/{number}.html" for folder in ("magazine", "shop", "news") for number in range(50)]


def test_every_folder_is_looked_at_before_a_second_page_of_any() -> None:
    seen = worth_a_look(SITE, first=(), at_most=3)
    assert {path.rpartition("/")[0] for path in seen} == {"/us/en/magazine", "/us/en/shop", "/us/en/news"}


def test_pages_that_have_to_be_looked_at_come_first_and_count() -> None:
    seen = worth_a_look(SITE, first=["/", SITE[7]], at_most=5)
    assert seen[:2] == ("/", SITE[7])
    assert len(seen) == len(set(seen)) == 5


def test_a_page_more_or_less_in_the_sitemap_changes_little_and_its_order_nothing() -> None:
    seen = set(worth_a_look(SITE, first=(), at_most=60))
    assert set(worth_a_look(reversed(SITE), first=(), at_most=60)) == seen
    more = set(worth_a_look([*SITE, "/us/en/news/new.html"], first=(), at_most=60))
    assert len(seen - more) <= 1


def test_only_pages_of_this_site_are_candidates_by_their_path() -> None:
    urls = [
        "https://www.example/us/en.html?x=1",
        "https://stage.example/us/en.html",
        "https://elsewhere.example/secret.html",
        "https://www.example/a.pdf",
        "https://www.example/" + "x" * 600,
        "https://www.example/with space.html",
        "https://[broken",
        "javascript:alert(1)",
        "https://stage.example",
    ]
    assert list(paths_of(urls, HOSTS)) == ["/us/en.html", "/"]
