"""With which credential, at which addresses and within which budget does a hook speak to Cloud Manager?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from adobe_cloud_manager import protocol
from adobe_cloud_manager.auth import ClientCredential
from adobe_cloud_manager.budget import Budget, budget_of
from adobe_cloud_manager.connections import not_there, unreadable
from adobe_cloud_manager.exceptions import CredentialError, RateLimited
from adobe_cloud_manager.hooks.patience import Deadline
from adobe_cloud_manager.settings import Settings
from adobe_cloud_manager.tokens import Token

if TYPE_CHECKING:
    from airflow.sdk import Connection


@dataclass(frozen=True, slots=True)
class Account:
    """A connection's credential and the deployment's settings. The connection's host is never used."""

    credential: ClientCredential
    settings: Settings

    @classmethod
    def of(cls, connection: Connection) -> Account:
        """Read a connection of type *Adobe Cloud Manager* or *HTTP*. Raises ``CredentialError``."""
        conn_id = connection.conn_id
        try:
            credential = ClientCredential.from_connection(
                conn_id, connection.login, connection.password, connection.extra
            )
        except CredentialError:
            if sentence := unreadable(conn_id):  # of some such texts Airflow makes an empty connection
                raise CredentialError(sentence) from None
            raise
        return cls(credential, Settings.load())

    @property
    def token_key(self) -> tuple[str, ...]:
        return self.credential.key(self.settings.ims_url)

    @property
    def budget(self) -> Budget:
        """What all hooks of this process share for this credential, or those of all machines."""
        settings = self.settings
        return budget_of(
            settings.api_url, self.credential.client_id, settings.requests_per_minute, settings.limits
        )

    @property
    def is_local(self) -> bool:
        """Whether the API is a simulator on this machine: only there is ``http://`` accepted."""
        return urlsplit(self.settings.api_url).scheme == "http"

    def url(self, href: str) -> str:
        """The absolute URL of a path or link. Raises ``ForeignLink``."""
        return protocol.resolve(self.settings.api_url, href)

    def headers(self, token: Token, *, body: bool = False) -> dict[str, str]:
        """All headers of a request to the API."""
        return protocol.api_headers(
            org_id=self.credential.org_id, client_id=self.credential.client_id, token=token.value, body=body
        )

    def turn(self, deadline: Deadline) -> float:
        """Seconds to wait for this request's turn. Raises ``RateLimited`` if that is beyond the deadline."""
        wait = self.budget.take(deadline.left)
        if wait is None:
            who = "All machines together have" if self.settings.limits else "This process has"
            raise RateLimited(
                f"{who} used up the budget of {self.settings.requests_per_minute} requests a minute to Cloud Manager "
                "([adobe_cloud_manager] requests_per_minute)."
            )
        return wait


def unknown_connection(conn_id: str) -> CredentialError:
    """The error for a connection that Airflow does not know, or whose text it can't read."""
    return CredentialError(
        f"{not_there(conn_id)} It is made under Admin > Connections with type Adobe Cloud Manager (or HTTP), the client "
        "id as login, the client secret as password and org_id in extra."
    )
