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
from contextvars import copy_context
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from adobe_cloud_manager.pinned import PinnedExecution
from aem_checks.text import plain

if TYPE_CHECKING:
    from stage_gate.configuration.gate import Gate
    from stage_gate.configuration.notify_settings import Email, Notify, PagerDuty, SlackChannel
    from stage_gate.evidence import Evidence

log = logging.getLogger(__name__)

TIME_LIMIT = 20.0
"""Seconds that telling everybody may take, all channels at once; a task never waits longer for it."""
_SENTENCES_AT_MOST = 40
_SENTENCE_AT_MOST = 1200
"""Characters; escaped it stays below the 3,000 that Slack takes in one block."""
_SUBJECT_AT_MOST = 200
_TOLD = "told"
_TELLING_TAKES = TIME_LIMIT + 5
"""Seconds after which somebody who began to tell and never said that it was done is taken for dead."""


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


@dataclass(frozen=True)
class Message:
    """What is told, as plain text without line breaks or invisible characters."""

    subject: str
    sentences: tuple[str, ...]
    key: str
    """The same for everything about one execution of one gate."""


class About(Protocol):
    """What is told about: an execution under a gate, with the evidence of it. Every ``GateRun`` is one."""

    @property
    def gate(self) -> Gate: ...
    @property
    def execution_id(self) -> str: ...
    @property
    def evidence(self) -> Evidence: ...


def tell(run: About, event: Event, sentences: Sequence[str]) -> None:
    """Tell everybody whom the gate names. Never raises, and takes ``TIME_LIMIT`` seconds at the most."""
    try:
        _tell_all(_channels(run.gate.settings.notify, _message(run, event, sentences)))
    except Exception as error:  # noqa: BLE001 - what a gate decides must never hang on who can be told
        log.warning("Nobody could be told (%s): %s", event, _short(error))


def tell_once(run: About, event: Event, sentences: Sequence[str], occasion: str) -> bool:
    """As ``tell``, unless this ``occasion`` was told before in this run, by any task or try; returns whether it was told.

    Where the evidence can't be written people are rather told twice than not at all.
    """
    name = hashlib.sha256(f"{event} {occasion}".encode()).hexdigest()[:20]
    path = run.evidence.folder / "told" / f"{event.name.lower()}-{name}.txt"
    try:
        if not _falls_to_us(path):
            return False
        tell(run, event, sentences)
        path.write_text(_TOLD)
    except OSError as error:
        log.warning("It can't be noted that people are told (%s): %s", event, _short(error))
        tell(run, event, sentences)
    return True


def _falls_to_us(path: Path) -> bool:
    """Whether nobody has told it, or whoever began to died over it. Two at once: one of them, on a local store."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.open("x").close()
        return True
    except FileExistsError:
        pass
    except (ValueError, NotImplementedError):  # an object store that can't create exclusively
        if not path.exists():
            path.write_text("")
            return True
    until = time.monotonic() + _TELLING_TAKES
    while path.read_text() != _TOLD:
        if time.monotonic() >= until:
            return True
        time.sleep(0.2)
    return False


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


def _tell_all(channels: Iterable[Channel]) -> None:
    """All at once, each in a thread of its own that ends with the process if its server never answers."""
    until = time.monotonic() + TIME_LIMIT
    threads: dict[str, threading.Thread] = {}
    for channel in channels:
        try:
            notifier = channel.notifier()  # not in the thread: it imports
        except Exception as error:  # noqa: BLE001 - see tell
            log.warning(
                "Not told: %s. Is the Airflow provider for it installed? %s", channel.name, _short(error)
            )
            continue
        work = partial(copy_context().run, _notify, channel, notifier)
        threads[channel.name] = threading.Thread(target=work, daemon=True)
        threads[channel.name].start()
    for name, thread in threads.items():
        thread.join(max(0.0, until - time.monotonic()))
        if thread.is_alive():
            log.warning("Not told within %.0f s: %s. The gate goes on.", TIME_LIMIT, name)


def _notify(channel: Channel, notifier: Notifier) -> None:
    from stage_gate.connection_use import refuse_to_tell

    try:
        refuse_to_tell(channel.kind, channel.connection)
        notifier.notify({})
    except Exception as error:  # noqa: BLE001 - see tell
        log.warning("Not told: %s. Test its Airflow connection: %s", channel.name, _short(error))
    else:
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
