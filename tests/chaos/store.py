"""Where is the evidence while it is struck? Small file systems that can be filled, and a folder that can vanish."""

from __future__ import annotations

import errno
import os
import subprocess
from contextlib import ExitStack
from pathlib import Path

SIZE = "96m"
SIZE_OF_ONE_GATE = "1m"


class Store:
    """The evidence store of a theatre, on a file system of its own where mounting is allowed."""

    def __init__(self, folder: Path) -> None:
        self.mount = folder / "store"
        self.mount.mkdir(parents=True)
        self.is_mounted = False
        self.evidence = self.mount / "evidence"
        self._mounts = ExitStack()

    def __enter__(self) -> Store:
        self.is_mounted = self._mount_on(self.mount, SIZE)
        self.evidence.mkdir()
        return self

    def __exit__(self, *error: object) -> None:
        self.restore()
        self._mounts.close()

    def give_own(self, gate: str) -> None:
        """Put the evidence of one gate on a file system of its own. Raises `PermissionError`."""
        folder = self.evidence / gate
        folder.mkdir()
        if not self._mount_on(folder, SIZE_OF_ONE_GATE):
            raise PermissionError(f"mounting a small file system on {folder} is not allowed")

    def fill(self, gate: str = "") -> None:
        """Leave no byte free in the whole store or for one gate. Only what is mounted is filled."""
        target = self.evidence / gate if gate else self.mount
        if not target.is_mount():
            raise RuntimeError(f"{target} is on the machine's own file system, which is not filled")
        with (target / "filler").open("wb", buffering=0) as file:
            for size in (1 << 20, 1 << 12, 1):
                try:
                    while True:
                        file.write(b"\0" * size)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise

    def take_away(self, instead: str) -> None:
        """Take the evidence away; `instead` is an `empty` folder in its place, or a link that leads `nowhere`."""
        self.evidence.rename(self.mount / "away")
        if instead == "nowhere":
            self.evidence.symlink_to(self.mount / "not mounted")
        else:
            self.evidence.mkdir()

    @property
    def roots(self) -> list[Path]:
        """Wherever evidence is just now: in its place, taken away, or written in between."""
        return [self.evidence, self.mount / "away", *self.mount.glob("meanwhile-*")]

    def restore(self) -> None:
        """Bring back what was filled or taken away; what was written meanwhile is moved aside."""
        for filler in (self.mount / "filler", *self.evidence.glob("*/filler")):
            filler.unlink(missing_ok=True)
        away = self.mount / "away"
        if not away.exists():
            return
        if self.evidence.is_symlink():
            self.evidence.unlink()
        else:
            self.evidence.rename(self.mount / f"meanwhile-{os.urandom(4).hex()}")
        away.rename(self.evidence)

    def _mount_on(self, folder: Path, size: str) -> bool:
        mounted = _mount(folder, size)
        if mounted:
            self._mounts.callback(_unmount, folder)
        return mounted


def mounting_is_allowed(folder: Path) -> bool:
    """Whether a small file system can be mounted on an empty folder; root may, in most containers too."""
    allowed = _mount(folder, SIZE_OF_ONE_GATE)
    if allowed:
        _unmount(folder)
    return allowed


def _mount(folder: Path, size: str) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "none", str(folder)]
    try:
        return subprocess.run(command, check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


def _unmount(folder: Path) -> None:
    subprocess.run(["umount", "--lazy", str(folder)], check=False)
