"""Which farms and virtual hosts are enabled: by links, by files, below any folder?"""

from __future__ import annotations

import pytest

from aem_checks.dispatcher.place import Budget
from aem_checks.dispatcher.project import Project, read_projects

FARM = '/wknd { /filter { /0 { /type "deny" /url "*" } } }'
AVAILABLE, ENABLED = "conf.dispatcher.d/available_farms", "conf.dispatcher.d/enabled_farms"
VHOSTS = "conf.d/enabled_vhosts"


def projects(texts: dict[str, str], links: dict[str, str] | None = None) -> list[Project]:
    return read_projects(texts, links or {}, Budget())


def project(texts: dict[str, str], links: dict[str, str] | None = None) -> Project:
    [found] = projects(texts, links)
    return found


@pytest.mark.parametrize("root", ["", "dispatcher/src/", "a b/ü/dispatcher/src/"])
def test_a_link_enables_a_farm_wherever_the_project_lies(root: str) -> None:
    found = project(
        {f"{root}{AVAILABLE}/wknd.farm": FARM}, {f"{root}{ENABLED}/wknd.farm": "../available_farms/wknd.farm"}
    )
    assert (found.root, [farm.name for farm in found.farms]) == (root, ["wknd"])
    assert not found.only_available


@pytest.mark.parametrize(
    "target",
    [
        "../available_farms/wknd.farm",
        "/etc/httpd/conf.dispatcher.d/available_farms/wknd.farm",
        "./other.farm",
    ],
)
def test_links_are_followed_by_all_ways_that_lead_to_a_file(target: str) -> None:
    links = {f"{ENABLED}/a.farm": target, f"{ENABLED}/other.farm": "../available_farms/wknd.farm"}
    found = project({f"{AVAILABLE}/wknd.farm": FARM}, links)
    assert {farm.section.place.file for farm in found.farms} == {f"{AVAILABLE}/wknd.farm"}


def test_a_folder_may_be_the_link() -> None:
    found = project({f"{AVAILABLE}/wknd.farm": FARM}, {ENABLED: "available_farms"})
    assert [farm.name for farm in found.farms] == ["wknd"]


def test_a_file_may_stand_where_links_stand() -> None:
    assert [farm.name for farm in project({f"{ENABLED}/wknd.farm": FARM}).farms] == ["wknd"]


def test_what_is_only_available_is_named_and_not_read() -> None:
    found = project(
        {f"{AVAILABLE}/old.farm": "{" * 99, f"{AVAILABLE}/default.farm": FARM, f"{ENABLED}/README": "x"}
    )
    assert (found.farms, found.only_available, found.problems) == ([], [f"{AVAILABLE}/old.farm"], [])


def test_a_file_with_a_path_in_it_is_taken_for_the_link_that_it_should_be_and_told() -> None:
    found = project(
        {f"{AVAILABLE}/wknd.farm": FARM, f"{ENABLED}/wknd.farm": "../available_farms/wknd.farm\n"}
    )
    assert [farm.name for farm in found.farms] == ["wknd"]
    assert ["instead of a link" in each.wrong for each in found.links] == [True]


@pytest.mark.parametrize(
    "target", ["../available_farms/none.farm", "../../../../outside.farm", "/var/none.farm"]
)
def test_a_link_that_leads_nowhere_is_told(target: str) -> None:
    found = project({f"{AVAILABLE}/wknd.farm": FARM}, {f"{ENABLED}/wknd.farm": target})
    assert ["not in the commit" in each.wrong for each in found.links] == [True]


def test_links_in_a_circle_end() -> None:
    links = {f"{ENABLED}/a.farm": "./b.farm", f"{ENABLED}/b.farm": "./a.farm"}
    assert len(project({f"{AVAILABLE}/wknd.farm": FARM}, links).links) == 2


def test_the_image_s_own_farm_takes_the_project_s_filters() -> None:
    texts = {"conf.dispatcher.d/filters/filters.any": '/1 { /type "allow" /url "/bin/*" }'}
    found = project(texts, {f"{ENABLED}/default.farm": "../available_farms/default.farm"})
    [farm] = found.farms
    assert farm.enabled.is_of_the_image
    assert [rule.name for rule in farm.section.sections("filter")[0].sections()] == ["1"]


def test_only_virtual_hosts_that_are_enabled_are_read_and_what_they_include() -> None:
    texts = {
        f"{ENABLED}/wknd.farm": FARM,
        "conf.d/available_vhosts/wknd.vhost": "Include conf.d/rewrites/rewrite.rules\nA 1",
        "conf.d/available_vhosts/old.vhost": "Old 1",
        "conf.d/rewrites/rewrite.rules": "Rule 1",
        "conf.d/rewrites/unused.rules": "Unused 1",
    }
    found = project(texts, {f"{VHOSTS}/wknd.vhost": "../available_vhosts/wknd.vhost"})
    assert [each.name for each in found.directives] == ["include", "rule", "a"]
    assert found.has_all_vhosts


def test_a_virtual_host_of_the_image_is_not_in_the_commit() -> None:
    found = project(
        {f"{ENABLED}/wknd.farm": FARM}, {f"{VHOSTS}/default.vhost": "../available_vhosts/default.vhost"}
    )
    assert not found.has_all_vhosts
    assert not found.links


def test_several_dispatchers_are_told_apart() -> None:
    texts = {f"new/src/{ENABLED}/wknd.farm": FARM, f"classic/src/{ENABLED}/999_ams_publish_farm.any": FARM}
    assert [(each.root, each.is_of_managed_services) for each in projects(texts)] == [
        ("classic/src/", True),
        ("new/src/", False),
    ]


def test_farms_of_an_author_are_none_of_publish() -> None:
    texts = {
        f"{ENABLED}/000_ams_author_farm.any": FARM,
        f"{ENABLED}/999_ams_publish_farm.any": FARM.replace("wknd", "p"),
    }
    assert [farm.name for farm in project(texts).farms] == ["p"]


def test_more_dispatchers_than_anybody_has_are_not_all_read() -> None:
    budget = Budget()
    texts = {f"{n}/{ENABLED}/wknd.farm": FARM for n in range(21)}
    assert len(read_projects(texts, {}, budget)) == 20
    assert budget.is_cut


def test_redirects_that_each_virtual_host_includes_are_read_and_not_kept() -> None:
    texts = {
        f"{ENABLED}/wknd.farm": FARM,
        "conf.d/rewrites/many.rules": "RewriteRule ^/a /b [R]\n" * 110_000,
        f"{VHOSTS}/a.vhost": "Include conf.d/rewrites/many.rules\n" * 2 + "Last 1",
    }
    budget = Budget()
    [found] = read_projects(texts, {}, budget)
    assert [each.name for each in found.directives] == ["include", "include", "last"]
    assert not budget.is_cut
