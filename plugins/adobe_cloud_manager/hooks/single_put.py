"""How is a request sent exactly once, and how do we know whether a byte of it may have left?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from adobe_cloud_manager.answers import Answer, network_error
from adobe_cloud_manager.exceptions import ActUnknown, NotSent
from adobe_cloud_manager.hooks.plain_session import answer_head, plain_session

_LONGEST_ANSWER = 1024 * 1024


class WitnessAdapter(HTTPAdapter):
    """Opens one fresh connection, never a second one, and remembers whether it came to stand.

    Before ``connected`` (TCP and TLS included) no byte of a request can have left; after it, any may have.
    """

    def __init__(self) -> None:
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)
        self.connected = False

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        """The pool that requests asks for, with connections that report to this adapter."""
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        pool.ConnectionCls = self._witnessed(pool.ConnectionCls)
        return pool

    def _witnessed(self, connection_class: Any) -> Any:
        adapter = self

        class Witnessed(connection_class):  # type: ignore[misc]
            def connect(self) -> None:
                if adapter.connected:
                    raise ConnectionError("A second connection for one act was prevented.")
                super().connect()
                adapter.connected = True

        return Witnessed


def put_once(
    url: str, *, headers: Mapping[str, str], body: bytes | None, timeout: float, what: str
) -> Answer:
    """PUT on a fresh connection, without redirect, retry or resend. ``timeout`` in seconds.

    Raises ``NotSent`` where no connection came to stand, ``ActUnknown`` where no status came back over it.
    """
    adapter = WitnessAdapter()
    with plain_session(adapter) as session:
        try:
            response = session.put(
                url,
                data=body,
                headers={**headers, "Connection": "close"},
                timeout=timeout,
                allow_redirects=False,
                stream=True,
            )
        except Exception as cause:  # noqa: BLE001 - whatever broke, a byte may have left
            raise _classified(cause, what, connected=adapter.connected) from None
        return answer_head(response, _body(response))


def _classified(cause: Exception, what: str, *, connected: bool) -> NotSent | ActUnknown:
    reason = network_error(cause, what)
    if not connected:
        return NotSent(f"{reason.sentence} Nothing was sent and nothing was changed.")
    return ActUnknown(
        f"{reason.sentence} It may have been carried out: read the state back before anything else."
    )


def _body(response: requests.Response) -> bytes:
    """What can be read of the body: the status alone decides, so a broken body changes nothing."""
    try:
        return bytes(response.raw.read(_LONGEST_ANSWER, decode_content=True))
    except Exception:  # noqa: BLE001
        return b""
