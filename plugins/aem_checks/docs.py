"""What do the kinds of checks say of themselves? One page in Markdown, made from their code."""

from __future__ import annotations

import inspect
import sys
import types
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from itertools import groupby
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from aem_checks.check import Check, CheckSettings
from aem_checks.codes import COMMON, whole_codes
from aem_checks.durations import format_duration
from aem_checks.excuses import declared, told
from aem_checks.field_docs import field_docstrings
from aem_checks.outcomes import Severity

GROUPS = {
    "A": "Availability",
    "B": "Dispatcher and security",
    "C": "Caching and CDN",
    "D": "Content and rendering",
    "E": "Search engines",
    "F": "Links",
    "G": "Search, APIs and forms",
    "H": "Looks",
    "I": "Accessibility",
    "J": "Performance",
    "K": "Stage against production",
    "L": "Authoring",
    "M": "Publishing",
    "N": "Tags, consent and other tests",
}
OWN = "A team's own"
_WORDS = {
    "str": "text",
    "int": "whole number",
    "float": "number",
    "bool": "true or false",
    "timedelta": "duration",
}
_INTRODUCTION = """# The checks

<!-- Made by `python -m aem_checks docs`; change the code instead. -->

Every kind of check, in the order of the catalogue. A gate file names a kind below `checks:` to change its settings,
with `false` to switch it off; a kind that is off is switched on by naming it. What a check says of a site is in its
findings; `severity` decides whether they stop a release.
"""
_COMMON = "Every check has these settings; below they are listed only where a kind has another default."
_EXCUSES = """## Excuses

A setting that makes a check overlook something says so below: *An excuse*. The Docs tab of the gate's Dag and the report
list those that a gate makes use of. Behind it stands which value overlooks everything that the setting can, or nearly;
where the deployment insists on a kind (`minimum_checks`), a gate file with such a value is refused. Patterns are little but
wildcards where they have no four characters in a row that no address has anyway; those of paths also where they cover all
pages of the site together. What a CSS selector selects is seen on the page alone, where a check is inconclusive if that is
most of the page (`masks`) or what is always there (`hit`). A threshold is an excuse as soon as it is laxer than the default,
and overlooks everything where it is ten times laxer or at the end of its scale: such a check can hardly fail. How much is
looked at (pages, samples, depth) is none, but for `0`, which looks at nothing: pages and files that are left out are named
among the findings, and of samples the setting says how many there are.
"""
_CODES = """## Codes

Each finding has a code, `<kind>.<word>`, that names the fault and never changes: `robots.open`. Reports, task logs and
the ledger show it, and a waiver names it. Each chapter below lists the codes of its kind. Any check can also have these,
which say what was not seen or not judged; no waiver can name one of them. The same fault of several pages is told once, and
what follows from another finding is counted behind it ([which from which](catalogue.md#one-cause-one-sentence)):
"""


def checks_page(kinds: Iterable[type[Check[Any]]]) -> str:
    """The page for these kinds, which come in the catalogue's order."""
    listed = list(kinds)
    parts = [_INTRODUCTION, _overview(listed), "## Settings of every check\n", _COMMON + "\n"]
    parts += [
        _settings(CheckSettings, {}),
        _EXCUSES,
        _CODES,
        _codes({f"….{word}": said for word, said in COMMON.items()}),
    ]
    for group, members in groupby(listed, key=_group):
        parts.append(f"## {group}\n")
        parts += [_chapter(kind) for kind in members]
    return "\n".join(parts).rstrip() + "\n"


def _group(kind: type[Check[Any]]) -> str:
    letter = kind.number[:1]
    return f"{letter}. {GROUPS[letter]}" if letter in GROUPS and kind.number[1:].isdigit() else OWN


def _overview(kinds: Iterable[type[Check[Any]]]) -> str:
    rows = [
        f"| {kind.number} | [`{kind.kind}`](#{_anchor(kind)}) | {_cell(kind.title)} | {_weight(kind)} "
        f"| {'on' if kind.default_on else 'off'} |"
        for kind in kinds
    ]
    return "\n".join(
        ["| | kind | looks at | if it fails | unless named |", "|---|---|---|---|---|", *rows, ""]
    )


def _weight(kind: type[Check[Any]]) -> str:
    return "blocks" if kind.severity is Severity.BLOCK else "warns"


def _anchor(kind: type[Check[Any]]) -> str:
    """As GitHub makes it from the heading."""
    words = _heading(kind).lower().replace("`", "")
    return "".join(char for char in words.replace(" ", "-") if char.isalnum() or char in "-_")


def _heading(kind: type[Check[Any]]) -> str:
    return f"{kind.number} {kind.title}: `{kind.kind}`"


def _chapter(kind: type[Check[Any]]) -> str:
    facts = [
        f"- **{_weight(kind)}**"
        + (", on unless switched off" if kind.default_on else ", off until configured"),
        f"- looks at {' and '.join(sorted(kind.targets, reverse=True))}, starts when "
        + ("stage has settled" if kind.after == "settled" else "Cloud Manager's own tests are over"),
    ]
    if kind.needs:
        facts.append(f"- needs {kind.needs.replace('``', '`')}")
    common = {name: field.default for name, field in CheckSettings.model_fields.items()}
    parts = [f"### {_heading(kind)}\n", _explanation(kind), "\n".join(facts) + "\n"]
    return "\n".join(
        [*parts, _settings(kind.settings_type, common), _codes(whole_codes(kind.kind, kind.codes))]
    )


def _explanation(kind: type[Check[Any]]) -> str:
    """The docstring of the module: the question first, without its number."""
    text = inspect.cleandoc(sys.modules[kind.__module__].__doc__ or "")
    first, _, rest = text.partition("\n")
    question = first.removeprefix(f"{kind.number}: ").strip()
    return f"*{question[:1].upper()}{question[1:]}*\n{rest}\n".replace("``", "`")


def _codes(codes: Mapping[str, str]) -> str:
    rows = [f"| `{code}` | {_cell(said)} |" for code, said in codes.items()]
    return "\n".join(["| code | stands for |", "|---|---|", *rows, ""])


def _settings(model: type[BaseModel], common: Mapping[str, Any]) -> str:
    """A table of the fields, and below it one for each kind of mapping that they hold."""
    said = field_docstrings(model)
    rows, inner = [], dict[str, type[BaseModel]]()
    for name, field in model.model_fields.items():
        if name in common and field.default == common[name]:
            continue
        inner |= {each.__name__: each for each in _models(field.annotation)}
        default = _default(field.get_default(call_default_factory=True))
        label, text = field.alias or name, said.get(name, "")
        if (excuses := declared(name, field)) is not None:
            text = f"{text} *{told(excuses)}*"
        rows.append(f"| `{label}` | {_cell(_type(field.annotation))} | {default} | {_cell(text)} |")
    if not rows:
        return "No settings of its own.\n"
    table = "\n".join(["| setting | is | default | |", "|---|---|---|---|", *rows, ""])
    return "\n".join([table, *(f"Each `{name}`:\n\n{_settings(each, {})}" for name, each in inner.items())])


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def _type(annotation: Any) -> str:
    """What one writes in a gate file, in words."""
    origin, inside = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(inside[0])
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(_type(each) for each in inside if each is not type(None)))
    if origin is Literal:
        return " or ".join(f"`{each}`" for each in inside)
    if origin in (tuple, list, set, frozenset):
        return f"list of {_type(inside[0])}"
    if origin is not None and inside:
        return f"{_type(inside[0])} → {_type(inside[-1])}"
    if annotation is Severity:
        return "`block` or `warn`"
    name = getattr(annotation, "__name__", "value")
    return (
        f"`{name}`"
        if inspect.isclass(annotation) and issubclass(annotation, BaseModel)
        else _WORDS.get(name, "value")
    )


def _default(value: Any) -> str:
    if value is PydanticUndefined:
        return "**required**"
    if value is None or value in ((), "", {}) or value == frozenset():
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, timedelta):
        return f"`{format_duration(value)}`"
    if isinstance(value, BaseModel):
        return "see below"
    if isinstance(value, tuple | list | frozenset):
        return ", ".join(f"`{_cell(str(each))}`" for each in value)
    if isinstance(value, Mapping):
        return ", ".join(f"`{_cell(str(key))}`: `{_cell(str(each))}`" for key, each in value.items())
    return f"`{_cell(str(value))}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
