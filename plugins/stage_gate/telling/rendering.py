"""How does a value become HTML? By a template beside this file, which escapes whatever is put into it."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined

TEMPLATES = Environment(
    loader=PackageLoader("stage_gate.telling"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(template: str, **values: object) -> str:
    """The page or part of one. Raises ``jinja2.UndefinedError`` where the template wants what is not given."""
    return TEMPLATES.get_template(template).render(values).lstrip()


# Compiled with the import, so that whoever imports ahead compiles for every fork.
for _name in TEMPLATES.list_templates():
    TEMPLATES.get_template(_name)
