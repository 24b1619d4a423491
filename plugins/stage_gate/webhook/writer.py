"""How is a delivery stored without holding anybody up? One thread writes all that waits in one transaction."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

log = logging.getLogger(__name__)

MOST_WAITING = 1000
"""Deliveries; more are answered 503 at once."""
MOST_TOGETHER = 200
"""Events in one transaction, and so in one asset event; one delivery holds at most 20."""


@dataclass(frozen=True, slots=True)
class News:
    """What is kept of one delivery: ids of events, their subjects, and those of them that waits are told; each checked."""

    event_ids: tuple[str, ...]
    subjects: tuple[str, ...]
    hints: tuple[str, ...] = ()


class NotStored(Exception):
    """It could not be stored now; the sentence is for the log and says what to do."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    news: News
    done: Future[None] = field(default_factory=Future)


class Writer:
    """Stores by ``store``, in a thread that starts with the first delivery (so after the server has forked)."""

    def __init__(self, store: Callable[[Sequence[News]], None]) -> None:
        self._store = store
        self._waiting: queue.Queue[_Waiting] = queue.Queue(MOST_WAITING)
        self._thread: threading.Thread | None = None

    def put(self, news: News) -> Future[None]:
        """Done once it is stored; its exception is ``NotStored`` otherwise. Raises ``NotStored`` when too much waits."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="stage-gate-events", daemon=True)
            self._thread.start()
        waiting = _Waiting(news)
        try:
            self._waiting.put_nowait(waiting)
        except queue.Full:
            raise NotStored(f"{MOST_WAITING} deliveries wait to be stored.") from None
        return waiting.done

    def _run(self) -> None:
        while True:
            together = [self._waiting.get()]
            events = len(together[0].news.event_ids)
            while events < MOST_TOGETHER and not self._waiting.empty():
                together.append(self._waiting.get())
                events += len(together[-1].news.event_ids)
            # From here on nobody can cancel it; what was cancelled before has had no answer, and comes again.
            self._write([each for each in together if each.done.set_running_or_notify_cancel()])

    def _write(self, together: Sequence[_Waiting]) -> None:
        error: Exception | None = None
        try:
            if together:
                self._store([each.news for each in together])
        except NotStored as known:
            error = known
        except Exception as unknown:
            log.error("Events of Adobe I/O could not be stored: %s", type(unknown).__name__, exc_info=unknown)
            error = NotStored("Airflow's database did not take it.")
        for each in together:
            if error is None:
                each.done.set_result(None)
            else:
                each.done.set_exception(error)
