"""How are people told what a gate asks, holds or did, where they look: Slack, e-mail, PagerDuty?

By the notifiers of Airflow's providers, which are optional: what is not installed costs one log line. The same
sentences go everywhere. They quote the site, which is hostile, so each channel gets them as text that can't become
anything else: no mention or link in Slack, no markup or header in an e-mail. ``notify`` of a notifier is called
itself, since calling the notifier would render what it is given as a Jinja template.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from html import escape
from typing import TYPE_CHECKING, Any, Protocol
from uuid import uuid4

from adobe_cloud_manager.pinned import PinnedExecution
from aem_checks.text import plain
from stage_gate.evidence.exclusive import create_exclusively
from stage_gate.observing.memory import About as AboutExecution
from stage_gate.observing.memory import Memory, NotRemembered

if TYPE_CHECKING:
    from pathlib import Path

    from stage_gate.configuration.notify_settings import Email, Notify, PagerDuty, SlackChannel
    from stage_gate.evidence.store import Evidence

log = logging.getLogger(__name__)
AFTER_A_HALT = (
    "The execution ends now: the pipeline is free for the fix, and production's variables are no longer locked.",
    "Production was not touched and goes on running the last release.",
    "The code on stage is a throw-away: the next AEM update resets stage to the release that production runs.",
    "Fix forward: repair or revert in git, run the pipeline again, and this gate tests the new execution.",
)
"""What happens next when production was halted (Adobe, "Deploy your code"): the same in log, report and notifications."""

TIME_LIMIT = 20.0
"""Seconds that telling everybody may take, all channels at once; a task never waits longer for it."""
_SENTENCES_AT_MOST = 40
_SENTENCE_AT_MOST = 1200
"""Characters; escaped it stays below the 3,000 that Slack takes in one block."""
_SUBJECT_AT_MOST = 200
_TELLING_TAKES = TIME_LIMIT + 5
"""Seconds after which somebody who began to tell and never said that it was done is taken for dead."""
_LOOK_EVERY = 1.0
"""Seconds between two looks whether somebody else has told it."""


class Event(StrEnum):
    """What people are told of; the value is how the subject of a message puts it."""

    ASKED = "asked"
    HELD = "held"
    REMINDER = "reminder"
    HALTED = "halted"
    BYPASSED = "bypassed"
    INCONCLUSIVE = "inconclusive"
    WAITS = "waits for a person"
    ALARM = "alarm"
    RESUMED = "goes on by itself"


@dataclass(frozen=True)
class Message:
    """What is told, as plain text without line breaks or invisible characters."""

    subject: str
    sentences: tuple[str, ...]
    key: str
    """The same for everything about one execution of one gate."""


class About(AboutExecution, Protocol):
    """What is told about: an execution under a gate, with the evidence of it. Every ``GateRun`` is one."""

    @property
    def evidence(self) -> Evidence: ...


def tell(run: About, event: Event, sentences: Sequence[str]) -> bool:
    """Tell everybody whom the gate names. Never raises, and takes ``TIME_LIMIT`` seconds at the most.

    Returns whether that is done: anybody was reached, or the gate names nobody.
    """
    try:
        return _tell_all(_channels(run.gate.settings.notify, _message(run, event, sentences)))
    except Exception as error:  # noqa: BLE001 - what a gate decides must never hang on who can be told
        log.warning("Nobody could be told (%s): %s", event, _short(error))
        return False


def tell_once(run: About, event: Event, sentences: Sequence[str], occasion: str) -> bool:
    """As ``tell``, unless this ``occasion`` was told before in this run, by any task or try; returns whether it was not.

    That it was told is believed of Airflow's own memory alone. Where that can't be read or written, people are rather
    told twice than not at all. What reached nobody was not told: whoever comes next tries again.
    """
    if told_at(run, event, occasion) is not None or not _falls_to_us(run, event, occasion):
        return False
    if not tell(run, event, sentences):
        log.error(
            "Nobody was reached (%s), so it is told again when that is seen next. Test the Airflow connections that "
            "'notify' of the gate file names.",
            event,
        )
        with suppress(OSError):
            _mark_of(run, event, occasion).unlink()
        return True
    try:
        Memory.of(run).remember(_note_of(event, occasion))
    except NotRemembered as error:
        log.warning("It can't be noted that people are told (%s): %s", event, error)
    return True


def told_at(run: About, event: Event, occasion: str) -> datetime | None:
    """When people were told of this occasion; ``None`` where they were not, or nobody can tell."""
    try:
        noted = Memory.of(run).recall(_note_of(event, occasion))
    except NotRemembered as error:
        log.warning("Whether people were told is not known (%s): %s", event, error)
        return None
    return noted.at if noted else None


def _note_of(event: Event, occasion: str) -> str:
    return f"{event.name.lower()}-{hashlib.sha256(occasion.encode()).hexdigest()[:20]}"


def _falls_to_us(run: About, event: Event, occasion: str) -> bool:
    """Whether of those who see it at once this one tells it: whoever creates a file first, or whoever outlives them.

    The file proves nothing: one that somebody put there in advance holds people's being told up for seconds.
    """
    try:
        create_exclusively(_mark_of(run, event, occasion), uuid4().hex.encode())
    except FileExistsError:
        until = time.monotonic() + _TELLING_TAKES
        while time.monotonic() < until:
            time.sleep(min(_LOOK_EVERY, _TELLING_TAKES / 2))
            if told_at(run, event, occasion) is not None:
                return False
    except OSError as error:
        log.warning("Who tells people (%s) can't be settled, so this task does: %s", event, error)
    return True


def _mark_of(run: About, event: Event, occasion: str) -> Path:
    return run.evidence.folder / "told" / f"{_note_of(event, occasion)}.txt"


def link_of(run: About) -> str:
    """The execution's page in Cloud Manager."""
    pipeline = run.gate.pipeline
    return PinnedExecution.of(pipeline.program, pipeline.pipeline, run.execution_id).ui_link()


def _message(run: About, event: Event, sentences: Sequence[str]) -> Message:
    subject = f"Stage Gate {run.gate.name}, execution {run.execution_id}: {event}"
    told = [plain(sentence, _SENTENCE_AT_MOST) for sentence in sentences[:_SENTENCES_AT_MOST]]
    left = len(sentences) - len(told)
    more = [f"{left} more sentences are in the task's log."] if left else []
    where = [f"Cloud Manager: {link_of(run)}", f"Evidence: {run.evidence.folder}"]
    key = f"stage-gate/{run.gate.name}/execution-{run.execution_id}"
    return Message(plain(subject, _SUBJECT_AT_MOST), (*filter(None, told), *more, *where), key)


class Notifier(Protocol):
    """What the notifiers of Airflow's providers have in common."""

    def notify(self, context: Any) -> None: ...


@dataclass(frozen=True)
class Channel:
    """One way to tell people that a gate file names."""

    name: str
    kind: str
    """As the gate file calls it: ``slack``, ``email``, ``pagerduty``."""
    connection: str
    notifier: Callable[[], Notifier]


def _channels(notify: Notify, message: Message) -> Iterator[Channel]:
    slack, email, pagerduty = notify.slack, notify.email, notify.pagerduty
    if slack is not None:
        name = f"Slack channel {slack.channel}"
        yield Channel(name, "slack", slack.connection, lambda: _slack(slack, message))
    if email is not None:
        name = f"e-mail to {', '.join(email.to)}"
        yield Channel(name, "email", email.connection, lambda: _email(email, message))
    if pagerduty is not None:
        yield Channel("PagerDuty", "pagerduty", pagerduty.connection, lambda: _pagerduty(pagerduty, message))


def _tell_all(channels: Iterable[Channel]) -> bool:
    """All at once, each in a thread of its own that ends with the process if its server never answers.

    Returns whether any was reached, or there are none.
    """
    until = time.monotonic() + TIME_LIMIT
    threads: dict[str, threading.Thread] = {}
    named, reached = list(channels), list[str]()
    for channel in named:
        try:
            notifier = channel.notifier()  # not in the thread: it imports
        except Exception as error:  # noqa: BLE001 - see tell
            log.warning(
                "Not told: %s. Is the Airflow provider for it installed? %s", channel.name, _short(error)
            )
            continue
        work = partial(copy_context().run, _notify, channel, notifier, reached)
        threads[channel.name] = threading.Thread(target=work, daemon=True)
        threads[channel.name].start()
    for name, thread in threads.items():
        thread.join(max(0.0, until - time.monotonic()))
        if thread.is_alive():
            log.warning("Not told within %.0f s: %s. The gate goes on.", TIME_LIMIT, name)
    return bool(reached) or not named


def _notify(channel: Channel, notifier: Notifier, reached: list[str]) -> None:
    from stage_gate.configuration.connection_use import refuse_to_tell

    try:
        refuse_to_tell(channel.kind, channel.connection)
        notifier.notify({})
    except Exception as error:  # noqa: BLE001 - see tell
        log.warning("Not told: %s. Test its Airflow connection: %s", channel.name, _short(error))
    else:
        reached.append(channel.name)
        log.info("Told: %s.", channel.name)


def _slack(channel: SlackChannel, message: Message) -> Notifier:
    """One ``plain_text`` block per sentence: Slack reads no mention, link or markup in those; escaped all the same."""
    from airflow.providers.slack.notifications.slack import SlackNotifier

    texts = [message.subject, *message.sentences]
    notifier: Notifier = SlackNotifier(
        slack_conn_id=channel.connection,
        channel=channel.channel,
        text=escape(message.subject, quote=False),
        blocks=[{"type": "section", "text": _plain_text(text)} for text in texts],
        username="Stage Gate",
        icon_url="",
        timeout=int(TIME_LIMIT) // 2,
        retry_handlers=[],
        unfurl_links=False,
        unfurl_media=False,
    )
    return notifier


def _plain_text(text: str) -> dict[str, object]:
    return {"type": "plain_text", "text": escape(text, quote=False), "emoji": False}


def _email(email: Email, message: Message) -> Notifier:
    from airflow.providers.smtp.notifications.smtp import SmtpNotifier

    paragraphs = "".join(f"<p>{escape(sentence)}</p>" for sentence in (message.subject, *message.sentences))
    notifier: Notifier = SmtpNotifier(
        smtp_conn_id=email.connection,
        from_email=email.sender,
        to=list(email.to),
        subject=message.subject,
        html_content=f"<html><body>{paragraphs}</body></html>",
    )
    return notifier


def _pagerduty(service: PagerDuty, message: Message) -> Notifier:
    from airflow.providers.pagerduty.notifications.pagerduty import PagerdutyNotifier

    notifier: Notifier = PagerdutyNotifier(
        pagerduty_events_conn_id=service.connection,
        summary=message.subject,
        severity=service.severity,
        source="Stage Gate",
        dedup_key=message.key,
        custom_details={f"{number:02}": text for number, text in enumerate(message.sentences, 1)},
    )
    return notifier


def _short(error: BaseException) -> str:
    return plain(f"{type(error).__name__}: {error}", 300)
