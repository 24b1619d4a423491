"""Where do the base images come from on a machine without an image registry? From Debian's own packages.

The stand-ins carry the names that Dockerfile and docker-compose.yaml use. This machine's mirror and pip settings are
read when the images are made and are written into the images only.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from compose_smoke.shell import StepFailed, run

CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")

PYTHON = """\
FROM debian:bookworm-slim
RUN apt-get update && apt-get install --yes --no-install-recommends python3 python3-pip ca-certificates \\
    && rm -f /usr/lib/python3*/EXTERNALLY-MANAGED && ln -s /usr/bin/python3 /usr/local/bin/python
COPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY pip.conf /etc/pip.conf
# The upstream image's own pip: Debian's older one cannot match celery[redis] with a hashed celery.
RUN python3 -m pip install --quiet pip==24.0
"""

POSTGRES = """\
FROM debian:bookworm-slim
RUN apt-get update && apt-get install --yes --no-install-recommends postgresql
ENV PATH=/usr/lib/postgresql/15/bin:/usr/local/bin:/usr/bin:/bin PGDATA=/var/lib/postgresql/data LC_ALL=C.UTF-8
COPY entrypoint.sh /usr/local/bin/entrypoint.sh
RUN mkdir -p $PGDATA && chown postgres:postgres $PGDATA && chmod 700 $PGDATA
USER postgres
ENTRYPOINT ["sh", "/usr/local/bin/entrypoint.sh"]
"""

POSTGRES_ENTRYPOINT = """\
set -e
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    printf '%s' "$POSTGRES_PASSWORD" > /tmp/password
    initdb --username="$POSTGRES_USER" --pwfile=/tmp/password --auth-host=scram-sha-256 > /tmp/initdb.log
    rm /tmp/password
    echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
    pg_ctl start --wait --options="-c listen_addresses=''" > /dev/null
    createdb --username="$POSTGRES_USER" --host=/var/run/postgresql "$POSTGRES_DB"
    pg_ctl stop --wait > /dev/null
fi
[ "$1" = postgres ] && shift
exec postgres -c listen_addresses='*' "$@"
"""

REDIS = """\
FROM debian:bookworm-slim
RUN apt-get update && apt-get install --yes --no-install-recommends redis-server
USER redis
WORKDIR /tmp
"""


def make_base(folder: Path, environment: Mapping[str, str]) -> None:
    """debian:bookworm-slim from Debian's packages: half a minute."""
    root = folder / "root"
    run(["debootstrap", "--variant=minbase", "bookworm", str(root), _mirror()])
    with subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE) as archive:
        done = subprocess.run(
            ["docker", "import", "-", "debian:bookworm-slim"],
            stdin=archive.stdout,
            env=dict(environment),
            capture_output=True,
        )
    if done.returncode or archive.returncode:
        raise StepFailed(f"the base image could not be imported: {done.stderr.decode(errors='replace')}")


def make_stand_ins(folder: Path, environment: Mapping[str, str]) -> None:
    """The three images that the Dockerfile and the compose file start from."""
    pip = {"pip.conf": _pip_settings(), "ca-certificates.crt": CERTIFICATES.read_text()}
    _build(folder, environment, "python:3.11-slim-bookworm", PYTHON, pip)
    _build(folder, environment, "postgres:16-bookworm", POSTGRES, {"entrypoint.sh": POSTGRES_ENTRYPOINT})
    _build(folder, environment, "redis:7-bookworm", REDIS, {})


def _build(
    folder: Path, environment: Mapping[str, str], tag: str, recipe: str, files: Mapping[str, str]
) -> None:
    context = folder / re.sub(r"\W", "-", tag)
    context.mkdir()
    for name, text in {"Dockerfile": recipe, **files}.items():
        (context / name).write_text(text)
    run(["docker", "build", "--network", "host", "--tag", tag, str(context)], environment=environment)


def _mirror() -> str:
    """The Debian mirror of this machine's own apt configuration."""
    for source in (Path("/etc/apt/sources.list.d/debian.sources"), Path("/etc/apt/sources.list")):
        if source.exists():
            found = re.search(r"^(?:URIs:\s*|deb\s+(?:\[[^]]*]\s+)?)(\S+)", source.read_text(), re.MULTILINE)
            if found:
                return found[1]
    raise StepFailed("No Debian mirror is named in /etc/apt/sources.list or sources.list.d/debian.sources.")


def _pip_settings() -> str:
    """This machine's index, proxy and certificates for pip, as a pip.conf; folders of this machine left out."""
    lines = ["[global]", f"cert = {CERTIFICATES}"]
    for name in ("index-url", "proxy", "trusted-host", "timeout"):
        value = os.environ.get(f"PIP_{name.upper().replace('-', '_')}") or _configured(name)
        if value and not value.startswith("file:"):
            lines.append(f"{name} = {value}")
    return "\n".join(lines) + "\n"


def _configured(name: str) -> str:
    try:
        return run(["python3", "-m", "pip", "config", "get", f"global.{name}"]).strip()
    except StepFailed:
        return ""
