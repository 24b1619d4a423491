"""How does a Docker engine run here for a few minutes without touching the machine's network rules?"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from compose_smoke.shell import StepFailed, run

NEEDED = {
    "dockerd": "docker.io",
    "docker": "docker.io",
    "docker-compose": "docker-compose",
    "debootstrap": "debootstrap",
}


def missing() -> str:
    """What must be installed or changed first; an empty string when nothing."""
    if os.geteuid() != 0:
        return "make compose-smoke starts a Docker engine of its own: run it as root."
    absent = sorted({package for command, package in NEEDED.items() if shutil.which(command) is None})
    return f"Install first: apt-get install --no-install-recommends {' '.join(absent)}" if absent else ""


@contextmanager
def engine(folder: Path) -> Iterator[dict[str, str]]:
    """An engine with its data in `folder`; yields the environment that makes clients use it."""
    socket, log = folder / "docker.sock", folder / "dockerd.log"
    command = [
        "dockerd",
        f"--data-root={folder / 'data'}",
        f"--exec-root={folder / 'exec'}",
        f"--pidfile={folder / 'docker.pid'}",
        f"--host=unix://{socket}",
        "--iptables=false",
        "--ip6tables=false",
        "--ip-forward=false",
        "--ip-masq=false",
        "--bridge=none",
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
    environment = {
        **os.environ,
        "DOCKER_HOST": f"unix://{socket}",
        "DOCKER_BUILDKIT": "0",
        "COMPOSE_DOCKER_CLI_BUILD": "0",
        "DOCKER_CONFIG": str(folder / "config"),
    }
    try:
        _wait(process, environment, log)
        yield environment
    finally:
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        _unmount_below(folder)


def _wait(process: subprocess.Popen[bytes], environment: dict[str, str], log: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        try:
            run(["docker", "version"], environment=environment, timeout=10)
            return
        except StepFailed:
            time.sleep(0.3)
    raise StepFailed(f"dockerd did not start:\n{log.read_text(errors='replace')[-4000:]}")


def _unmount_below(folder: Path) -> None:
    """The engine leaves mounts of network namespaces and layers behind; with them its folder cannot be removed."""
    mounted = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    for place in reversed([place for place in mounted if place.startswith(f"{folder}/")]):
        run(["umount", "--lazy", place], timeout=30)
