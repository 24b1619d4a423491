"""What could a suite or a team's own check reach on this worker that it should not?

Such code is the team's, not ours: it runs in processes of its own with declared variables only, and as another
user where the deployment names one (``aem_checks.code_user``). What then still is in its reach is asked of the
system (``look``) and said in sentences (``judge``). Some of it ends its isolation; ``isolation`` says what follows.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from aem_checks.code_user import VARIABLE, CodeUser, CodeUserError, code_user, reach_of
from aem_checks.kinds import FOLDERS_VARIABLE
from stage_gate.observing.exposed_routes import CLOUD, NOBODY, Route, environments, open_routes, option

_LISTED = 8
_TOO_MUCH = {"Airflow's home": {"r", "w"}, "the Dags": {"w"}, "the plugins": {"w"}}
"""What must not be allowed, where it is less than everything: suites may lie below these."""
_SECRET = re.compile(
    r"AIRFLOW__\w*(SECRET|SQL_ALCHEMY_CONN|FERNET_KEY|BROKER_URL|RESULT_BACKEND|PASSWORD)\w*|AIRFLOW_CONN_STAGE_GATE_SIGNING"
)
_CREDENTIAL_FILES = (
    *("AWS_SHARED_CREDENTIALS_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AZURE_FEDERATED_TOKEN_FILE"),
    "GOOGLE_APPLICATION_CREDENTIALS",
)
"""Variables that name a file with which the worker opens its cloud, an evidence store there included."""
_POD = "the Kubernetes token of this pod"
_PLACES_OF_OTHERS = {
    Path("/var/run/secrets/kubernetes.io/serviceaccount/token"): _POD,
    Path("/var/run/docker.sock"): "the Docker socket",
}


class Code(StrEnum):
    """Which code of a team."""

    SUITES = "suites"
    OWN_CHECKS = "own checks"


ALL_CODE = frozenset(Code)
_OWN_CHECKS = frozenset({Code.OWN_CHECKS})
_NOTHING: frozenset[Code] = frozenset()


@dataclass(frozen=True, slots=True)
class Place:
    """A file or folder of Airflow, and what the team's code may do with it: some of ``r``, ``w`` and ``x``."""

    what: str
    path: Path
    rights: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What a look at this worker showed."""

    worker: int
    """Its user id."""
    user: CodeUser | None
    """As whom the team's code runs, ``None`` for the worker itself."""
    problem: str = ""
    """Why the user that is named can't be used; then nothing of the team runs."""
    unknown: str = ""
    """Why it can't be found out what that user may read."""
    places: tuple[Place, ...] = ()
    variables: tuple[str, ...] = ()
    """Names of secrets in the environment of this process and of those that started it."""
    routes: tuple[Route, ...] = ()
    own_kinds: bool = False
    """Whether modules of the team are imported into this process."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """One thing that is in reach, and what to do."""

    sentence: str
    remedy: str
    opens: frozenset[Code] = ALL_CODE
    """Whose isolation it ends: a way to the signing key, the database, the evidence or other tasks; none where it is
    only good to know."""

    def __str__(self) -> str:
        return f"{self.sentence} To do: {self.remedy}"


def judge(facts: Facts) -> Iterator[Exposure]:
    """Everything in reach, the gravest first."""
    if facts.problem:
        sentence, _, remedy = facts.problem.partition(" To do: ")
        yield Exposure(
            f"Nothing of a team can run here. {sentence}", remedy or f"correct {VARIABLE}.", _NOTHING
        )
        return
    if facts.user is None:
        yield Exposure(
            f"Suites and a team's own checks run as the worker's own user (uid {facts.worker}): they can read the "
            "memory and environment of its processes, and what its tasks may read and write.",
            f"set {VARIABLE} to a user that has no other task.",
        )
    if facts.unknown:
        yield Exposure(
            f"It is not known what suites and a team's own checks could read here. {facts.unknown.rstrip('.')}.",
            "see that the worker can start /bin/sh as that user, then run it again.",
        )
    if facts.own_kinds:
        yield Exposure(
            f"The modules of {FOLDERS_VARIABLE} are imported by each task that reads a gate, as uid {facts.worker}; "
            "only their checks run apart.",
            "let the same people review them as the Dags.",
            _OWN_CHECKS,
        )
    if facts.variables and (facts.user is None or facts.own_kinds):
        yield _secrets(facts.variables, ALL_CODE if facts.user is None else _OWN_CHECKS)
    yield from (_place(place) for place in facts.places)
    yield from sorted(_routes(facts.routes), key=lambda exposure: not exposure.opens)


def _secrets(names: tuple[str, ...], opens: frozenset[Code]) -> Exposure:
    listed = ", ".join(names[:_LISTED])
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return Exposure(
        f"The environment of this worker holds {listed}{more}, in reach of the team's code.",
        "give deciding tasks a queue and a worker of their own, and keep their secrets from this one.",
        opens,
    )


def _place(place: Place) -> Exposure:
    may = "change" if "w" in place.rights else "read"
    rights = "".join(sorted(_TOO_MUCH.get(place.what, {"r", "w", "x"})))
    remedy = f"chmod go-{rights} {place.path}"
    if place.what == _POD:
        remedy = "set automountServiceAccountToken: false for the pod of this worker"
    return Exposure(f"Suites can {may} {place.what} ({place.path}).", remedy)


def _routes(routes: tuple[Route, ...]) -> Iterator[Exposure]:
    everywhere = any(route.what == NOBODY for route in routes)
    for route in routes:
        if route.what != NOBODY and not (everywhere and route.what == CLOUD):
            yield _route(route)
    if everywhere:
        yield Exposure(
            "Something answers for each address on port 80 here, so it is not known whether suites reach the metadata "
            "service of a cloud.",
            "see that this proxy refuses 169.254.169.254.",
            _NOTHING,
        )


def _route(route: Route) -> Exposure:
    sentence = f"Suites can open connections to {route.what} at {route.host}:{route.port}"
    if route.what == CLOUD:
        return Exposure(
            f"{sentence}, which gives this machine's credentials to whoever asks.",
            "let a firewall on this worker keep the suites' user from it, or give the machine no role.",
        )
    return Exposure(
        f"{sentence}{', which asks for no password' if route.is_open else ''}.",
        "put a firewall between that and what the suites' user sends, or run the checks on a worker whose "
        "network has only the way to the sites and to the API server.",
        ALL_CODE if route.is_open else _NOTHING,
    )


def look(deciding: Iterable[str] = ()) -> Facts:
    """Ask the system. Changes nothing, and sends nothing over the connections that it opens."""
    around = dict(environments())
    try:
        user = code_user()
    except CodeUserError as error:
        return Facts(os.geteuid(), None, problem=str(error))
    places: tuple[Place, ...] = ()
    unknown = ""
    try:
        places = tuple(_places(user, around))
    except CodeUserError as error:
        unknown = str(error)
    return Facts(
        worker=os.geteuid(),
        user=user,
        unknown=unknown,
        places=places,
        variables=tuple(sorted(_secret_names(around, deciding))),
        routes=open_routes(around, user),
        own_kinds=bool(os.environ.get(FOLDERS_VARIABLE)),
    )


def _secret_names(around: Mapping[str, str], deciding: Iterable[str]) -> set[str]:
    connections = {f"AIRFLOW_CONN_{name.upper()}" for name in deciding}
    return {name for name in around if name in connections or _SECRET.fullmatch(name)}


def _places(user: CodeUser | None, around: Mapping[str, str]) -> Iterator[Place]:
    """What the named user may do with Airflow's files; as the worker itself one sentence says it all."""
    named = {path: what for what, path in _files(around) if _exists(path)}
    if user is None or not named:
        return
    for path, rights in reach_of(user, named):
        if set(rights) & _TOO_MUCH.get(named[path], {"r", "w", "x"}):
            yield Place(named[path], path, rights)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return True  # the worker may not look there; what the user may is asked of the system


def _files(around: Mapping[str, str]) -> Iterator[tuple[str, Path]]:
    from airflow.sdk.configuration import conf

    from stage_gate.configuration.settings import evidence_store

    home = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser()
    yield "Airflow's home", home
    yield "Airflow's settings", home / "airflow.cfg"
    store = evidence_store()
    if type(store).__name__ != "ObjectStoragePath":
        yield "the evidence store", store
    yield "the Dags", Path(conf.get("core", "dags_folder", fallback="") or home / "dags")
    yield "the plugins", Path(conf.get("core", "plugins_folder", fallback="") or home / "plugins")
    database = option(around, "database", "sql_alchemy_conn")
    if database.startswith("sqlite:///"):
        yield "Airflow's database", Path(database.removeprefix("sqlite:///"))
    for path in _files_of_connections(around):
        yield "the file of Airflow's connections", path
    for name in _CREDENTIAL_FILES:
        if name in around:
            yield f"the file that {name} names", Path(around[name])
    yield from ((what, path) for path, what in _PLACES_OF_OTHERS.items())


def _files_of_connections(around: Mapping[str, str]) -> Iterator[Path]:
    """Where a secrets backend keeps connections, the signing key among them, in files."""
    for section, key in (("secrets", "backend_kwargs"), ("workers", "secrets_backend_kwargs")):
        with contextlib.suppress(ValueError, AttributeError):
            for name, value in json.loads(option(around, section, key) or "{}").items():
                if name.endswith("_file_path"):
                    yield Path(str(value))
