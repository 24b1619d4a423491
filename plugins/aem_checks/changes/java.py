"""Which components does a Java file serve: by the resource types it names, and by the HTL that uses it?"""

from __future__ import annotations

import re

from aem_checks.changes.project import Project, resource_type_of

_PACKAGE = re.compile(r"^[ \t]*package\s+([\w.]{1,300})\s*;", re.MULTILINE)
_IMPORT = re.compile(r"^[ \t]*import\s+([\w.]{1,300})\s*;", re.MULTILINE)
_LITERAL = re.compile(r'"((?:/(?:apps|libs)/)?[\w-]{1,100}(?:/[\w-]{1,100}){1,12})"')
_INTERFACES = re.compile(r"\bimplements\s([\w\s.,<>?]{1,600})\{")
_ADAPTERS = re.compile(r"\badapters?\s*=\s*(\{[^}]{0,600}\}|[\w.]{1,200})")
_EXTENDS = re.compile(
    r"\b(?:class|interface)\s{1,20}\w{1,200}(?:<[^{>]{0,200}>)?\s{1,20}extends\s([\w\s.,<>?]{1,600}?)(?:\{|implements)"
)
_NAME = re.compile(r"\b[A-Z]\w{0,200}\b")


def components_of(path: str, text: str, project: Project) -> tuple[str, ...]:
    """Resource types of the project's components that this Java file is a model of, sorted; empty where nothing says so.

    A Sling model's resource type may be a constant, so every string counts that is the resource type of a component.
    HTL may name the class, or an interface that it implements, adapts to or extends.
    """
    served = {
        kind
        for each in _LITERAL.findall(text)
        if f"/apps/{(kind := resource_type_of(each))}" in project.components
    }
    for name in _names(path, text):
        served |= project.components_of(project.uses.get(name, ()))
    return tuple(sorted(served))


def _names(path: str, text: str) -> set[str]:
    """The full name of the class, and of what it stands for."""
    package = found[1] if (found := _PACKAGE.search(text)) else ""
    own = path.rpartition("/")[2].removesuffix(".java")
    imported = {each.rpartition(".")[2]: each for each in _IMPORT.findall(text)}
    simple = {own}
    for pattern in (_INTERFACES, _ADAPTERS, _EXTENDS):
        for each in pattern.findall(text):
            simple |= set(_NAME.findall(each))
    return {imported.get(name) or f"{package}.{name}" for name in simple}
