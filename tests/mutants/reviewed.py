"""Which survivors did somebody look at, and why do they do no harm? ``survivors.toml``, by function and diff."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

from mutants.mutation import Identity
from mutants.results import Judged

LIST = Path(__file__).with_name("survivors.toml")


def reviews(path: Path = LIST) -> dict[Identity, str]:
    """Why each of them does no harm. Raises ``ValueError`` for one without a reason, or that is there twice."""
    found: dict[Identity, str] = {}
    for entry in tomllib.loads(path.read_text()).get("survivor", []):
        why = entry.pop("why", "").strip()
        entry["diff"] = entry["diff"].strip("\n")
        identity = Identity(**entry)
        if not why or identity in found:
            raise ValueError(f"{path.name}: {identity} has {'no reason' if not why else 'two entries'}.")
        found[identity] = why
    return found


def stanzas(judged: Iterable[Judged]) -> str:
    """Survivors as entries of the list that still lack their reason."""
    return "\n".join(_stanza(each) for each in judged)


def _stanza(judged: Judged) -> str:
    identity = judged.identity
    nth = f"nth = {identity.nth}\n" if identity.nth > 1 else ""
    return (
        f"# {judged.verdict}, line {judged.line}\n[[survivor]]\n"
        f'module = "{identity.module}"\nwhere = "{identity.where}"\n{nth}'
        f"diff = '''\n{identity.diff}\n'''\nwhy = \"\"\n"
    )


def outdated(judged: Mapping[Identity, Judged], reviewed: Iterable[Identity]) -> list[Identity]:
    """Entries about mutants of these modules that do not exist any more, or that a test notices now."""
    modules = {each.module for each in judged}
    return [
        each
        for each in reviewed
        if each.module in modules and (each not in judged or judged[each].is_noticed)
    ]
