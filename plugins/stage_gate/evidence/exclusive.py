"""How is a file created by one and by nobody after, on a disk or in an object store? Every such file of a gate goes this way.

A store may answer that a name is taken with an error of its own, or answer nothing at all: s3fs, for one, makes
``FileExistsError`` of 412 only where the answer names If-None-Match, else ``EINVAL``, and ``EBUSY`` of 409; and a
request that was sent again after a lost answer finds what it wrote itself. So whatever goes wrong, the file is read
back before anybody says whose it is.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from itertools import count, takewhile
from pathlib import Path
from typing import Any
from uuid import uuid4

from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from stage_gate.evidence.files import driver_of, exists, look_anew, make_folder, put_partial

CONDITIONAL_STORES = frozenset({"s3", "gs", "gcs", "abfs", "abfss"})
"""Object stores whose driver creates a file only if it is absent (If-None-Match or its like), in one step."""
_NO_LINKS = frozenset({errno.EPERM, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK})
"""How a file system says that it has no hard links, as one behind SMB."""
_BUSY = Retrying(
    retry=retry_if_exception(lambda error: isinstance(error, OSError) and error.errno == errno.EBUSY),
    wait=wait_random_exponential(multiplier=0.1, max=2),
    stop=stop_after_attempt(5),
    reraise=True,
)
"""Who creates a name at the same moment as others can be told to come again; it takes two seconds at the most."""


class ClaimUnsupported(RuntimeError):
    """The evidence store can't create a file exclusively, so two runs could both act."""


def create_exclusively(path: Path, content: bytes) -> None:
    """Create a file durably, so that a reader sees all of it or nothing.

    Raises ``FileExistsError`` where it exists, whoever made it; ``OSError`` where it can't be created or nobody can
    tell. ``content`` has to be one that nobody else would write: that is how one's own file is known again. Outside
    of ``CONDITIONAL_STORES`` a store does as well as it can: who needs more asks ``require_exclusive_create``.
    """
    driver = driver_of(path)
    if driver is None:
        _create_on_disk(path, content)
    else:
        _BUSY(_create_in_store, driver, path, content)


def create_beside(folder: Path, name: str, content: bytes) -> Path:
    """Create ``name.json``, or ``name~2.json`` and so on beside those that are there. Raises ``OSError``."""
    for path in _numbered(folder, name):
        try:
            create_exclusively(path, content)
        except FileExistsError:
            continue
        return path
    raise AssertionError("numbers do not end")


def beside(folder: Path, name: str) -> Iterator[Path]:
    """What was created under this name, the first of it first. Raises ``EvidenceError`` where nobody can tell."""
    look_anew(folder)
    return takewhile(exists, _numbered(folder, name))


def _numbered(folder: Path, name: str) -> Iterator[Path]:
    """No ``safe_name`` has a tilde, so none is taken for another's second."""
    return (folder / (f"{name}.json" if number == 1 else f"{name}~{number}.json") for number in count(1))


def require_exclusive_create(store: Path) -> None:
    """Raise ``ClaimUnsupported`` where claims can't be taken in this store, as far as its kind tells."""
    driver, protocol = driver_of(store), getattr(store, "protocol", "")
    if driver is not None and protocol not in CONDITIONAL_STORES:
        raise ClaimUnsupported(
            f"The evidence store {store} ({protocol}) can't create a file only if it is absent, so two runs could both act. "
            f"Use a local folder or one of {', '.join(sorted(CONDITIONAL_STORES))}, or mode: shadow."
        )


def probe(store: Path) -> None:
    """Create one name twice: the second time has to fail. Guard mode asks before it waits, and ``doctor``.

    Raises ``ClaimUnsupported`` for a store that can't do it, whatever its kind, and ``OSError`` for one that can't be
    written.
    """
    require_exclusive_create(store)
    path = store / f".probe-{uuid4().hex}"
    first, second = (f"{name} {uuid4().hex}".encode() for name in ("first", "second"))
    try:
        create_exclusively(path, first)
    except OSError as error:
        if error.errno not in (errno.ENOSYS, errno.ENOTSUP):
            raise
        raise _not_exclusive(store, f"it answers {error}") from error
    try:
        create_exclusively(path, second)
    except FileExistsError:
        return
    finally:
        path.unlink()
    raise _not_exclusive(
        store, "one file was created twice there, and the second one took the place of the first"
    )


def _not_exclusive(store: Path, why: str) -> ClaimUnsupported:
    return ClaimUnsupported(
        f"The evidence store {store} does not create a file only if it is absent ({why}), so two runs could both act. "
        "Use a local folder, or a store that keeps If-None-Match (Amazon S3, Azure, Google; newer MinIO and Ceph), or "
        "mode: shadow."
    )


def _create_on_disk(path: Path, content: bytes) -> None:
    make_folder(path.parent)
    partial = put_partial(path, content)
    try:
        os.link(partial, path)  # fails if the name is taken, and whoever reads it finds it whole
    except FileExistsError:
        if path.read_bytes() != content:  # else it is this one: NFS sends again what it has had no answer to
            raise
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _create_in_place(path, content)
    finally:
        partial.unlink()
    folder = os.open(str(path.parent), os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _create_in_place(path: Path, content: bytes) -> None:
    """Without hard links: exclusive as well, and whoever reads at the same moment may find half of it, which is an error."""
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _create_in_store(driver: Any, path: Path, content: bytes) -> None:
    try:
        driver.pipe_file(str(path.path), content, mode="create")  # type: ignore[attr-defined]
    except Exception as error:
        found = _read_back(driver, path)
        if found is None:
            number = getattr(error, "errno", None) or errno.EIO
            raise OSError(number, f"it can't be created ({error!r})", str(path)) from error
        if found != content:
            raise FileExistsError(errno.EEXIST, "it exists", str(path)) from error


def _read_back(driver: Any, path: Path) -> bytes | None:
    """What lies there now, ``None`` where nothing does. Raises ``OSError`` where nobody can tell."""
    driver.invalidate_cache()  # else it may still say that nothing does
    try:
        found: bytes = driver.cat_file(str(path.path))  # type: ignore[attr-defined]
    except FileNotFoundError:
        return None
    except Exception as error:
        raise OSError(errno.EIO, f"nobody can tell whether it was created ({error!r})", str(path)) from error
    return found
