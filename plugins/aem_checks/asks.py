"""What may a check ask? Questions are values; who answers them, now or from what was told then, is said by ``asking``.

A check is a conversation: a generator that yields what it wants to know, several questions at a time, is sent the
answers in the same order, and returns what it makes of them::

    def judge(self, visit):
        word = yield from ask(Fresh())
        chain = yield from ask(Follow(visit.url(f"/{word}.html"), tries=3))
        ...
        return Judgement(examined=1, findings=findings)
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from aem_checks.changes.values import ChangeMap  # noqa: F401
    from aem_checks.checkout import Source  # noqa: F401 - names the types below
    from aem_checks.reading import ReadPage  # noqa: F401
    from aem_checks.response import Response  # noqa: F401
    from aem_checks.running import Ran  # noqa: F401
    from aem_checks.tls import Certificate  # noqa: F401

AnswerT = TypeVar("AnswerT")
FoundT = TypeVar("FoundT")


@dataclass(frozen=True)
class Question(Generic[AnswerT]):
    """Something that a check wants to know; its type says what answers it."""


@dataclass(frozen=True)
class Get(Question["Response"]):
    """One request to a host of the site, and whatever came back; see ``Client.request``.

    Answered by ``HostNotAllowed``, raised where it is asked (in ``together`` it ends all), for a host that is none of
    the site's.
    """

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    tries: int = 1
    per_second: float | None = None
    timeout: float | None = None
    past_caches: bool = False
    """Ask with a new cache-buster, so that no cache answers."""


@dataclass(frozen=True)
class Follow(Question["tuple[Response, ...]"]):
    """A GET, and all answers on the way through its redirects within the site; see ``Client.follow``."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    tries: int = 1
    hops: int = 5
    within: frozenset[str] | None = None
    past_caches: bool = False


@dataclass(frozen=True)
class Abroad(Question["tuple[Response, ...]"]):
    """A GET to a host that the site's ``allow_hosts`` name, with nothing that opens anything, and where it redirects to.

    Answered by ``HostNotAllowed`` for a host that they don't name; redirects to such a one are not followed.
    """

    url: str
    tries: int = 1
    hops: int = 5


@dataclass(frozen=True)
class Read(Question["ReadPage"]):
    """A page of the recording, by its path. Ask in the order of ``visit.pages``, one at a time, and keep none: so each
    is read and parsed once for all checks that run together, and no more than one is in memory."""

    path: str


@dataclass(frozen=True)
class Fact(Question[Any]):
    """What the caller knows and a check cannot ask for, as JSON has it; ``None`` where nobody said: ``commit_id`` and
    ``artifacts_version`` of the candidate, and by target ``environment_variables``, ``aem_release`` and such."""

    name: str


@dataclass(frozen=True)
class Files(Question["Source"]):
    """The files of the release's commit that match one of the patterns, such as ``**/*.cfg.json``, with their content.

    Read from what the check's own setting ``checkout`` names.
    """

    patterns: tuple[str, ...]


@dataclass(frozen=True)
class Changed(Question["ChangeMap"]):
    """What the release changes since this commit, as ``changes.mapping.read_changes`` has it."""

    base: str
    """The full id of the commit."""


@dataclass(frozen=True)
class Handshake(Question["Certificate"]):
    """The certificate that the host of a URL shows. Answered by ``HostNotAllowed`` as ``Get`` is."""

    url: str


@dataclass(frozen=True)
class Login:
    """Whose user and password a command is given, in ``<prefix>_USERNAME`` and ``<prefix>_PASSWORD``."""

    prefix: str
    url: str | None
    """Where it logs in; ``None`` where nobody knows."""
    connection: str | None = None
    """With what; ``None`` for nothing, and empty variables."""
    of_target: bool = False
    """Without a connection, with what opens the target."""
    as_user: bool = False
    """Whether a connection without login and password can't be used."""


@dataclass(frozen=True)
class Command(Question["Ran"]):
    """Run a shell command of the team, as ``running`` has it. Only for kinds that say so (``Check.runs_commands``)."""

    name: str
    """What it is called in the evidence."""
    run: str
    folder: str
    """Where it runs."""
    within: float
    """Seconds; what still runs then is ended with all that it started."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """It sees nothing else but PATH, LANG, the logins, and HOME, TMPDIR and REPORTS_PATH, which are new folders."""
    logins: tuple[Login, ...] = ()
    reports: tuple[str, ...] = ()
    """Folders inside ``folder`` where it writes reports, too; files from before the run do not count."""


@dataclass(frozen=True)
class Fresh(Question[str]):
    """A word that nobody has used: 16 hexadecimal digits."""


@dataclass(frozen=True)
class Now(Question[datetime]):
    """What time it is, in UTC."""


@dataclass(frozen=True)
class Pause(Question[None]):
    """So many seconds go by."""

    seconds: float


class BrokenOff(BaseException):
    """Raised where a check waits for answers when it is ended from outside, as by its time limit.

    What it made on the site it takes back in a ``finally``, which may go on asking (``asking.TAKE_BACK_SECONDS``); that
    has to be outside of ``together``, whose conversations are just dropped.
    """


SIDE_BY_SIDE = 50
"""Conversations that ``together`` leads at a time."""
Steps = Generator[Sequence[Question[Any]], Sequence[Any], FoundT]
"""A conversation that comes to something."""


def ask(question: Question[AnswerT]) -> Steps[AnswerT]:
    """Ask one question: ``answer = yield from ask(Get(url))``."""
    (answer,) = yield [question]
    return answer  # type: ignore[no-any-return]


def ask_all(questions: Iterable[Question[AnswerT]]) -> Steps[list[AnswerT]]:
    """Ask several at once; the answers come in the order of the questions. Asks nobody where there is none."""
    asked = list(questions)
    return list((yield asked)) if asked else []


def rest_of(steps: Steps[FoundT], questions: Sequence[Question[Any]]) -> Steps[FoundT]:
    """What is left of a conversation that has asked these questions and has no answer yet."""
    try:
        while True:
            try:
                answers = yield questions
            except (Exception, BrokenOff) as error:  # noqa: BLE001 - thrown on
                questions = steps.throw(error)
            else:
                questions = steps.send(answers)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]


def together(conversations: Iterable[Steps[FoundT]]) -> Steps[list[FoundT]]:
    """Lead several conversations side by side: what each asks next is asked at once. What one raises ends all.

    At most ``SIDE_BY_SIDE`` at a time, since what they are told is in memory; as one ends the next begins.
    """
    waiting = enumerate(conversations)
    running = dict(islice(waiting, SIDE_BY_SIDE))
    found: dict[int, FoundT] = {}
    answers: dict[int, Sequence[Any] | None] = {}
    while running:
        asked: dict[int, Sequence[Question[Any]]] = {}
        for number, steps in list(running.items()):
            try:
                asked[number] = steps.send(answers.get(number))  # type: ignore[arg-type]
            except StopIteration as end:
                found[number] = end.value
                del running[number]
                running |= dict(islice(waiting, 1))
        came = iter((yield [each for questions in asked.values() for each in questions]) if asked else ())
        answers = {number: [next(came) for _ in questions] for number, questions in asked.items()}
    return [found[number] for number in sorted(found)]
