"""What does a requests session look like that adds nothing of its own to what we send?"""

from __future__ import annotations

from collections import deque
from http.cookiejar import DefaultCookiePolicy

import requests
from requests.adapters import BaseAdapter, HTTPAdapter

from adobe_cloud_manager.answers import Answer

_CHUNK = 65536
_LONGEST_READ = 64 * 1024 * 1024


def keep_headers(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """An authentication that changes nothing, so that no ``.netrc`` replaces the Authorization header."""
    return request


class PlainSession(requests.Session):
    """A session for which no answer is a redirect, whatever its status and its callers say."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        return None


class LastingAdapter(HTTPAdapter):
    """Keeps its connections when a session that used it ends, so that not every read begins with a handshake.

    For reads only, which are tried again where a kept connection turns out to be dead.
    """

    def close(self) -> None:
        """Nothing: the connections end with the hook that owns this."""


def plain_session(adapter: BaseAdapter | None = None) -> requests.Session:
    """Without default headers, cookies, redirects or stored log-ins; the environment's proxies stay."""
    session = PlainSession()
    session.headers.clear()
    session.auth = keep_headers
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
    if adapter is not None:
        session.mount("http://", adapter)
        session.mount("https://", adapter)
    return session


def answer_head(response: requests.Response, body: bytes, *, cut: bool = False) -> Answer:
    """Status and headers of a response, with the given body."""
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status_code, headers, body, cut)


class Tail:
    """The last ``keep`` bytes of a stream, read up to 64 MiB."""

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._chunks: deque[bytes] = deque()
        self._held = 0
        self.read = 0

    def add(self, chunk: bytes) -> bool:
        """Take a chunk; ``False`` when it is time to stop reading."""
        self._chunks.append(chunk)
        self._held += len(chunk)
        self.read += len(chunk)
        while self._held - len(self._chunks[0]) >= self._keep:
            self._held -= len(self._chunks.popleft())
        return self.read < _LONGEST_READ

    @property
    def body(self) -> bytes:
        return b"".join(self._chunks)[-self._keep :]

    @property
    def cut(self) -> bool:
        return self.read > self._keep


def tail_of(response: requests.Response, keep: int) -> Answer:
    """The answer with the last ``keep`` bytes of its body, never more in memory than that and a chunk."""
    tail = Tail(keep)
    for chunk in response.iter_content(_CHUNK):
        if not tail.add(chunk):
            break
    return answer_head(response, tail.body, cut=tail.cut)
