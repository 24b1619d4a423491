"""Are the locks complete, hashed, and free of anything that belongs to one machine?"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("requirements.lock", "requirements-compose.lock", "requirements-dev.lock")


def pins(name: str) -> dict[str, str]:
    """Normalised package name to version, of a requirements or lock file."""
    found = re.findall(
        r"^([A-Za-z0-9._-]+)(?:\[[a-z]+])?==([^\s;\\]+)", (ROOT / name).read_text(), re.MULTILINE
    )
    return {re.sub(r"[-_.]+", "-", package).lower(): version for package, version in found}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_host_no_index_and_no_folder(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert "://" not in text
    assert not re.search(r"^\s*(-i|-f|--(?!hash=))\S", text, re.MULTILINE)
    assert " @ " not in text


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_of_a_lock_is_pinned_with_hashes(lock: str) -> None:
    entries = re.split(
        r"\n(?=[a-zA-Z0-9])", re.sub(r"^#.*\n", "", (ROOT / lock).read_text(), flags=re.MULTILINE)
    )
    assert len(entries) > 140
    for entry in entries:
        assert re.match(r"[a-z0-9._-]+(\[[a-z,]+])?==\S+", entry), entry[:80]
        assert "--hash=sha256:" in entry, entry[:80]


@pytest.mark.parametrize(
    ("direct", "lock"),
    [
        ("requirements.txt", "requirements.lock"),
        ("requirements-compose.txt", "requirements-compose.lock"),
        ("requirements-dev.txt", "requirements-dev.lock"),
        ("requirements.lock", "requirements-compose.lock"),
        ("requirements.lock", "requirements-dev.lock"),
    ],
)
def test_a_lock_holds_what_it_was_made_from(direct: str, lock: str) -> None:
    wanted, locked = pins(direct), pins(lock)
    assert wanted
    assert wanted == {package: locked.get(package) for package in wanted}


def test_celery_stays_below_the_release_that_breaks_its_provider() -> None:
    major, minor = pins("requirements-compose.lock")["celery"].split(".")[:2]
    assert (int(major), int(minor)) < (5, 7)
