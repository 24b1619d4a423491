"""Which rules do Apache's files of a dispatcher break: Vary, directories, names of hosts?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase

from aem_checks.dispatcher.apache_files import Directive
from aem_checks.kinds.security._dispatcher_faults import at, fault, note
from aem_checks.outcomes import Finding
from aem_checks.text import count, quoted

_USER_AGENT = re.compile(r"\bUser-Agent\b", re.IGNORECASE)
_NEEDED = {
    "*.local": "stage-gate.local",
    "localhost": "localhost",
    "127.0.0.1": "127.0.0.1",
    "*.adobeaemcloud.net": "publish-p1-e1.adobeaemcloud.net",
    "*.adobeaemcloud.com": "publish-p1-e1.adobeaemcloud.com",
}
"""Hosts that the cloud itself asks for, with one of each."""
_CONDITIONS = frozenset(
    {"if", "elseif", "else", "ifdefine", "location", "locationmatch", "files", "filesmatch", "limit"}
)


def of_apache(directives: Sequence[Directive], *, has_all_vhosts: bool) -> Iterator[Finding]:
    """What is wrong with the directives that are in use."""
    yield from _vary(directives)
    yield from _root(directives)
    if has_all_vhosts:
        yield from _aliases(directives)
    yield from _only_production(directives)


def _vary(directives: Iterable[Directive]) -> Iterator[Finding]:
    """A line that takes User-Agent out again makes up for those before it, in the same virtual host."""
    named: dict[object, dict[str, Directive]] = {}
    for each in directives:
        words = _of_vary(each)
        if not words:
            continue
        host = named.setdefault(each.inside("virtualhost"), {})
        if _names_user_agent(words):
            host.setdefault(each.place.file, each)
        elif _takes_it_out(words) and not _is_conditional(each):
            host.clear()
    for each in {d.place.file: d for host in named.values() for d in host.values()}.values():
        yield fault(
            "vary",
            f"{each.place.file} Vary",
            f"{at(each.place)} sends Vary with User-Agent, so that caches keep a copy for each browser",
            "take User-Agent out of Vary",
        )


def _of_vary(directive: Directive) -> list[str]:
    """Action and values of a ``Header`` line about ``Vary``."""
    words = list(directive.arguments) if directive.name == "header" else []
    if words and words[0].lower() in ("always", "onsuccess"):
        words = words[1:]
    is_vary = len(words) > 1 and words[1].lower().rstrip(":") == "vary"
    return [words[0].lower(), *words[2:]] if is_vary else []


def _names_user_agent(words: list[str]) -> bool:
    action, values = words[0], words[1:]
    if action in ("edit", "edit*"):
        return any(_USER_AGENT.search(value) for value in values[1:2])
    adds = action in ("set", "setifempty", "append", "add", "merge")
    return adds and any(_USER_AGENT.search(value) for value in values[:1])


def _takes_it_out(words: list[str]) -> bool:
    action, values = words[0], words[1:]
    return action in ("unset", "set") or (
        action.startswith("edit") and bool(_USER_AGENT.search(" ".join(values[:1])))
    )


def _is_conditional(directive: Directive) -> bool:
    around = any(each.name in _CONDITIONS for each in directive.within)
    return around or any(word.lower().startswith(("expr=", "env=")) for word in directive.arguments)


def _root(directives: Iterable[Directive]) -> Iterator[Finding]:
    for each in directives:
        folder = each.inside("directory")
        granted = each.name == "require" and tuple(word.lower() for word in each.arguments) == (
            "all",
            "granted",
        )
        if granted and folder is not None and folder.arguments == ("/",) and each.inside("virtualhost"):
            yield fault(
                "root_directory",
                f"{each.place.file} Directory /",
                f"{at(each.place)} grants all of the server's files: 'Require all granted' stands in <Directory />",
                'grant <Directory "${DOCROOT}"> alone',
            )


def _aliases(directives: Iterable[Directive]) -> Iterator[Finding]:
    lines = [
        each
        for each in directives
        if each.name in ("servername", "serveralias") and each.inside("virtualhost")
    ]
    names = [word.replace("\\", "").lower() for each in lines for word in each.arguments]
    if not lines or any("${" in name for name in names):
        return
    lacking = [
        needed for needed, host in _NEEDED.items() if not any(fnmatchcase(host, name) for name in names)
    ]
    if lacking:
        yield fault(
            "server_alias",
            f"{lines[0].place.file} ServerAlias",
            f"No virtual host that is enabled, such as that of {at(lines[0].place)}, answers {', '.join(lacking)}, which the "
            "cloud needs to empty the cache and to ask for the site",
            "add them to ServerAlias of one of them",
        )


def _only_production(directives: Iterable[Directive]) -> Iterator[Finding]:
    files = [
        each.place.file
        for each in directives
        if any(
            around.name == "ifdefine" and around.arguments == ("ENVIRONMENT_PROD",) for around in each.within
        )
    ]
    if only := list(dict.fromkeys(files)):
        yield note(
            "only_production",
            "only for production",
            f"{count(len(only), 'file')} of Apache with parts for production alone (IfDefine ENVIRONMENT_PROD), such "
            f"as {quoted(only[0], 200)}: stage cannot test them. To do: review them by eye.",
        )
