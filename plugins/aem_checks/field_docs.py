"""What do the docstrings below the fields of a settings model say?"""

from __future__ import annotations

import ast
import inspect
import textwrap
from itertools import pairwise
from typing import cast

from pydantic import BaseModel


def field_docstrings(model: type) -> dict[str, str]:
    """The string below each annotated field, those of its base classes included, in Markdown."""
    texts: dict[str, str] = {}
    for cls in reversed(model.__mro__):
        if not (issubclass(cls, BaseModel) and cls is not BaseModel):
            continue
        body = cast(ast.ClassDef, ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0]).body
        for field, below in pairwise(body):
            if (
                isinstance(field, ast.AnnAssign)
                and isinstance(field.target, ast.Name)
                and isinstance(below, ast.Expr)
            ):
                text = below.value.value if isinstance(below.value, ast.Constant) else ""
                texts[field.target.id] = inspect.cleandoc(str(text)).replace("``", "`")
    return texts
