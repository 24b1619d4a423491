"""The source of a release in git, good and with one thing wrong each: which repository, which commits?"""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from unit.aem_checks.security import dispatcher_files

OSGI = "ui.config/src/main/content/jcr_root/apps/larkfell/osgiconfig"
FILTER = "ui.content/src/main/content/META-INF/vault/filter.xml"
FILTERS = f"{dispatcher_files.ROOT}{dispatcher_files.FILTERS}"
COMPONENTS = "ui.apps/src/main/content/jcr_root/apps/larkfell/components"
TEMPLATES = "ui.content/src/main/content/jcr_root/conf/larkfell/settings/wcm/templates"
GOOD = {
    **{
        f"{COMPONENTS}/{name}/.content.xml": '<jcr:root xmlns:jcr="http://www.jcp.org/jcr/1.0" jcr:primaryType="cq:Component"/>'
        for name in ("teaser", "banner")
    },
    f"{COMPONENTS}/teaser/teaser.html": "<p/>",
    f"{COMPONENTS}/banner/banner.html": "<p/>",
    FILTER: '<workspaceFilter><filter root="/content/larkfell" mode="merge"/></workspaceFilter>',
    f"{OSGI}/config.stage/org.example.Search.cfg.json": '{"host": "$[env:SEARCH_HOST]"}',
    f"{OSGI}/config.prod/org.example.Search.cfg.json": '{"host": "$[env:SEARCH_HOST]"}',
    "config/cdn.yaml": "kind: CDN\nmetadata: {envTypes: [dev, stage, prod]}\ndata: {trafficFilters: {rules: [{name: bots}]}}\n",
    **dispatcher_files.GOOD.all_texts(),
}
LINKS = dispatcher_files.GOOD.all_links()
"""Symbolic links of each commit, with what they point to."""
CHANGES = {
    "good": {},
    "replaces": {FILTER: '<workspaceFilter><filter root="/content/larkfell"/></workspaceFilter>'},
    "stage_only": {f"{OSGI}/config.stage/org.example.Mail.cfg.json": '{"host": "mail.example"}'},
    "new_variable": {f"{OSGI}/config/org.example.News.cfg.json": '{"key": "$[secret:NEWS_KEY]"}'},
    "not_for_production": {
        "config/cdn.yaml": "kind: CDN\nmetadata: {envTypes: [dev, stage]}\ndata: {trafficFilters: {rules: [{name: bots}]}}\n"
    },
    "seen": {
        f"{COMPONENTS}/teaser/teaser.html": "<b/>",
        f"{TEMPLATES}/article-page/structure/.content.xml": "<a/>",
    },
    "unseen": {f"{COMPONENTS}/banner/banner.html": "<b/>"},
    "unseen_template": {f"{TEMPLATES}/campaign-page/structure/.content.xml": "<a/>"},
    "open_filter": {FILTERS: dispatcher_files.GOOD_FILTERS + '/2000 { /type "allow" /glob "* *.css *" }\n'},
    "open_console": {FILTERS: dispatcher_files.GOOD_FILTERS + '/2000 { /type "allow" /url "/system/*" }\n'},
    "broken_filter": {FILTERS: dispatcher_files.GOOD_FILTERS + "}\n"},
}


@cache
def _repository() -> tuple[Path, dict[str, str]]:
    """A bare repository with one commit for each change; removed when the process ends."""
    folder = Path(tempfile.mkdtemp(prefix="catalogue-source-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    _git(folder, "init", "--quiet", "--bare")
    commits = "".join(_commit(name, {**GOOD, **files}) for name, files in CHANGES.items())
    _git(folder, "fast-import", "--quiet", given=commits)
    lines = _git(folder, "for-each-ref", "--format=%(refname:short) %(objectname)").split("\n")
    return folder, dict(line.split(" ") for line in lines if line)


def checkout() -> dict[str, dict[str, str]]:
    """The setting of a check that reads the source."""
    return {"checkout": {"folder": str(_repository()[0])}}


def release(name: str) -> dict[str, str]:
    """The fact that names the commit with that change."""
    return {"commit_id": _repository()[1][name]}


def _commit(name: str, files: dict[str, str]) -> str:
    """As ``git fast-import`` reads it; without a date of its own each run has the same ids."""
    told = f"commit refs/heads/{name}\ncommitter Test <test@example.invalid> 1763800000 +0000\ndata 0\n"
    modes = (("100644", files), ("120000", LINKS))
    for mode, path, text in ((mode, *each) for mode, these in modes for each in these.items()):
        told += f"M {mode} inline {path}\ndata {len(text.encode())}\n{text}\n"
    return told + "\n"


def _git(folder: Path, *arguments: str, given: str = "") -> str:
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env=environment,
        input=given,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout
