"""How does a recording of a thousand pages keep their bodies out of memory? They stay in its folder."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from aem_checks.response import Response

if TYPE_CHECKING:
    from aem_checks.folders import Folder


class BodyError(ValueError):
    """A kept body that is missing or changed. The message names the file."""


class StoredResponse(Response):
    """A response whose body is read from a folder, and compared with its digest, each time that it is asked for.

    Made by ``put_away`` and ``found_in``. ``dataclasses.replace`` gives one that holds its body.
    """

    bodies: Folder
    """The folder that holds the body under its digest."""

    @property
    def body(self) -> bytes:
        """The body as it was kept. Raises ``BodyError``."""
        held: bytes | None = self.__dict__.get("_held")
        return read_body(self.bodies, self.sha256) if held is None else held

    @body.setter
    def body(self, value: bytes) -> None:
        self.__dict__["_held"] = value

    def is_in(self, bodies: Folder) -> bool:
        """Whether that folder has the body already."""
        return "_held" not in self.__dict__ and self.bodies == bodies

    @property
    def size(self) -> int:
        known: int | None = self.__dict__.get("_size")
        return len(self.body) if known is None else known


def put_away(response: Response, bodies: Folder) -> Response:
    """Write the body into the folder, which exists, and return the response without it. Blocks."""
    if not response.body:
        return response
    (bodies / response.sha256).write_bytes(response.body)
    return _without_body(vars(response), response.sha256, len(response.body), bodies)


def found_in(bodies: Folder, sha256: str, size: int, **known: Any) -> Response:
    """A response whose body the folder has already; it is read once to see that it is the right one.

    ``known``: all other fields of ``Response``. Raises ``BodyError`` for a changed body, ``FileNotFoundError`` for
    a missing one.
    """
    response = Response(**known)
    if not size and response.sha256 == sha256:
        return response
    return _without_body(vars(response), sha256, len(read_body(bodies, sha256)), bodies)


def read_body(bodies: Folder, sha256: str) -> bytes:
    """A kept body. Raises ``BodyError`` when it has changed, ``FileNotFoundError`` when it is missing."""
    body: bytes = (bodies / sha256).read_bytes()
    if hashlib.sha256(body).hexdigest() != sha256:
        raise BodyError(f"{bodies}/{sha256} has changed since it was recorded")
    return body


def _without_body(known: dict[str, Any], sha256: str, size: int, bodies: Folder) -> StoredResponse:
    stored = StoredResponse.__new__(StoredResponse)
    stored.__dict__.update(known, sha256=sha256, bodies=bodies, _size=size)
    stored.__dict__.pop("body", None)
    return stored
