"""What did a page ask for while it was open, and what did it complain of?

Everything comes from Chromium's own protocol, not from the page. All texts are hostile, and bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

MAX_REQUESTS = 5000
MAX_COMPLAINTS = 300
_AWAITED = frozenset({"Stylesheet", "Script", "Image"})
_LONGEST_TEXT = 500
_LONGEST_URL = 2000


@dataclass
class Asked:
    """One request of a page and what came of it."""

    url: str
    kind: str
    """As Chromium calls it: ``Document``, ``Stylesheet``, ``Image``, ``Script``, ``Font``, ``XHR``, ``Fetch`` …"""
    method: str = "GET"
    status: int = 0
    """0 while there is no answer."""
    mime: str = ""
    encoding: str = ""
    """The answer's ``Content-Encoding``."""
    bytes: int = 0
    """Of the answer on the wire, headers included."""
    size: int = 0
    """Bytes of the answer's body after decompression."""
    cached: bool = False
    error: str = ""
    """Why there is no whole answer, as Chromium calls it: ``net::ERR_CONNECTION_REFUSED``."""
    canceled: bool = False
    """The page itself gave it up."""
    finished: bool = False
    at: float = 0.0
    """Seconds on Chromium's clock."""


@dataclass(frozen=True)
class Complaint:
    """An exception that nobody caught, or an error that a script or Chromium wrote to the console."""

    kind: str
    """``exception``, ``console`` or ``browser``."""
    text: str
    url: str = ""
    """Of the script, where known."""
    line: int = 0


@dataclass
class Seen:
    """Collects the events of one page."""

    hide: Callable[[str], str] = str
    """Takes the site's credentials out of a text, should the site echo them."""
    requests: list[Asked] = field(default_factory=list)
    complaints: list[Complaint] = field(default_factory=list)
    left_out: int = 0
    """Requests and complaints beyond the limits."""
    sockets: list[str] = field(default_factory=list)
    _open: dict[str, Asked] = field(default_factory=dict)

    def listen(self, session: Any) -> None:
        """Hear what a session of Chromium's protocol says. ``Network``, ``Runtime`` and ``Log`` are enabled elsewhere."""
        for event, heard in (
            ("Network.requestWillBeSent", self._asked),
            ("Network.responseReceived", self._answered),
            ("Network.dataReceived", self._received),
            ("Network.requestServedFromCache", self._served_from_cache),
            ("Network.loadingFinished", self._finished),
            ("Network.loadingFailed", self._failed),
            ("Network.webSocketCreated", self._socket),
            ("Runtime.exceptionThrown", self._exception),
            ("Runtime.consoleAPICalled", self._console),
            ("Log.entryAdded", self._logged),
        ):
            session.on(event, heard)

    def failed(self) -> Iterator[Asked]:
        """Requests that brought an error status or nothing, without those that the page gave up."""
        for each in self.requests:
            if each.status >= 400 or (each.error and not each.canceled):
                yield each

    def hanging(self) -> Iterator[Asked]:
        """Files that the page waits for and that have not arrived whole."""
        for each in self.requests:
            if each.kind in _AWAITED and not each.finished and not each.error:
                yield each

    def _asked(self, event: dict[str, Any]) -> None:
        request, before = event["request"], self._open.get(event["requestId"])
        if before is not None and "redirectResponse" in event:
            self._take_over(before, event["redirectResponse"])
            before.bytes += int(event["redirectResponse"].get("encodedDataLength") or 0)
            before.finished = True
        url = self.hide(str(request["url"]))
        if url.startswith(("data:", "blob:")) or _is_own_question(url, event):
            return
        if len(self.requests) >= MAX_REQUESTS:
            self.left_out += 1
            return
        asked = Asked(
            url[:_LONGEST_URL], str(event.get("type", "Other")), request["method"], at=event["timestamp"]
        )
        self.requests.append(asked)
        self._open[event["requestId"]] = asked

    def _answered(self, event: dict[str, Any]) -> None:
        if (asked := self._open.get(event["requestId"])) is not None:
            self._take_over(asked, event["response"])

    def _take_over(self, asked: Asked, response: dict[str, Any]) -> None:
        asked.status = int(response.get("status") or 0)
        asked.mime = str(response.get("mimeType", ""))[:100]
        headers = {str(name).lower(): str(value) for name, value in response.get("headers", {}).items()}
        asked.encoding = headers.get("content-encoding", "")[:40]
        asked.cached = asked.cached or bool(response.get("fromDiskCache"))

    def _received(self, event: dict[str, Any]) -> None:
        if (asked := self._open.get(event["requestId"])) is not None:
            asked.size += int(event.get("dataLength") or 0)

    def _served_from_cache(self, event: dict[str, Any]) -> None:
        if (asked := self._open.get(event["requestId"])) is not None:
            asked.cached = True

    def _finished(self, event: dict[str, Any]) -> None:
        if (asked := self._open.pop(event["requestId"], None)) is not None:
            asked.bytes += int(event.get("encodedDataLength") or 0)
            asked.finished = True

    def _failed(self, event: dict[str, Any]) -> None:
        if (asked := self._open.pop(event["requestId"], None)) is not None:
            blocked = event.get("blockedReason")
            asked.error = (
                f"blocked: {blocked}" if blocked else str(event.get("errorText", ""))[:100] or "failed"
            )
            asked.canceled = bool(event.get("canceled")) or asked.error == "net::ERR_ABORTED"

    def _socket(self, event: dict[str, Any]) -> None:
        if len(self.sockets) < MAX_COMPLAINTS:
            self.sockets.append(self.hide(str(event.get("url", "")))[:_LONGEST_URL])

    def _exception(self, event: dict[str, Any]) -> None:
        details = event["exceptionDetails"]
        thrown = details.get("exception", {})
        text = str(thrown.get("description") or thrown.get("value") or details.get("text", ""))
        frames = details.get("stackTrace", {}).get("callFrames", [])
        place = details if details.get("url") else next((each for each in frames if each.get("url")), {})
        self._complain("exception", text.split("\n", 1)[0], place)

    def _console(self, event: dict[str, Any]) -> None:
        if event.get("type") not in ("error", "assert"):
            return
        words = (
            str(each.get("value", each.get("description", each.get("type", ""))))
            for each in event["args"][:20]
        )
        frames = event.get("stackTrace", {}).get("callFrames", [])
        place: dict[str, Any] = next((each for each in frames if each.get("url")), {})
        self._complain("console", " ".join(words), place)

    def _logged(self, event: dict[str, Any]) -> None:
        entry = event["entry"]
        if entry.get("level") == "error" and entry.get("source") != "network":
            self._complain("browser", str(entry.get("text", "")), entry)

    def _complain(self, kind: str, text: str, place: dict[str, Any]) -> None:
        if len(self.complaints) >= MAX_COMPLAINTS:
            self.left_out += 1
            return
        url, line = (
            self.hide(str(place.get("url") or ""))[:_LONGEST_URL],
            int(place.get("lineNumber") or 0) + 1,
        )
        self.complaints.append(Complaint(kind, self.hide(text)[:_LONGEST_TEXT], url, line if url else 0))


def _is_own_question(url: str, event: dict[str, Any]) -> bool:
    """Chromium asks for an icon by itself, once in a while; that is not the page's doing."""
    return event.get("type") == "Other" and url.partition("?")[0].endswith("/favicon.ico")
