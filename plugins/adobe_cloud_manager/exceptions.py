"""What can go wrong when talking to Cloud Manager, and which of it may be tried again?

CloudManagerError
├── CredentialError       the credential itself: secret, scope, organisation, product profile, certificate
├── PermissionDenied      403: the credential is good, but may not do this
├── NotFound              404
├── Conflict              409, 412: the pipeline is busy or in another state
├── RateLimited           429; retryable, with Adobe's wish for the pause
├── Unavailable           5xx, time-outs, broken connections; retryable
├── InvalidRequest        400 and every other 4xx
├── UnexpectedAnswer      an answer that is not what the API promises
├── ForeignLink           a link that leads away from the configured API
└── ActError              an acting PUT (advance, cancel, start)
    ├── NotSent           no byte of it left: nothing happened
    ├── ActRefused        a definite 4xx answer: nothing happened
    └── ActUnknown        it may have been carried out: read back, never send again
"""

from __future__ import annotations


class CloudManagerError(Exception):
    """The root of the tree: one sentence for the log, Adobe's request id for their support.

    ``status`` is the HTTP status if there was an answer; ``error_code`` the I/O gateway's code such as
    ``401013`` or the ``type`` of Cloud Manager's problem document; ``retry_after`` the pause in seconds that
    was asked for, if any.
    """

    retryable = False

    def __init__(
        self,
        sentence: str,
        *,
        status: int | None = None,
        request_id: str | None = None,
        error_code: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.status = status
        self.request_id = request_id
        self.error_code = error_code
        self.retry_after = retry_after

    def __str__(self) -> str:
        """The sentence, and what Adobe's support will ask for."""
        return f"{self.sentence} (x-request-id {self.request_id})" if self.request_id else self.sentence


class CredentialError(CloudManagerError):
    """The credential is wrong: its secret, scopes, organisation, product profile or certificate."""


class PermissionDenied(CloudManagerError, PermissionError):
    """The credential is valid, but its product profiles do not allow this operation."""


class NotFound(CloudManagerError, LookupError):
    """The program, pipeline, execution, step or document does not exist for this credential."""


class Conflict(CloudManagerError):
    """The pipeline is busy, or in a state in which this cannot be done (409, 412)."""


class RateLimited(CloudManagerError):
    """Too many requests (429, or the deployment's own budget is used up)."""

    retryable = True


class Unavailable(CloudManagerError):
    """Cloud Manager or the way to it is down: 5xx, time-out, refused or broken connection."""

    retryable = True


class InvalidRequest(CloudManagerError, ValueError):
    """Cloud Manager did not accept the request (400 and other 4xx); the sentence names the parameters."""


class UnexpectedAnswer(CloudManagerError, ValueError):
    """The answer is not what the API promises: broken JSON, a missing field, an unknown shape."""


class ForeignLink(CloudManagerError, ValueError):
    """A link in an answer leads to another host than the configured API; it was not followed."""


class ActError(CloudManagerError):
    """An acting PUT (advance, cancel, start) did not end in an acknowledgement."""


class NotSent(ActError):
    """No byte of the request left this machine: nothing happened, and it is safe to act later."""


class ActRefused(ActError):
    """Cloud Manager answered with a definite 4xx: the act was not carried out."""


class ActUnknown(ActError):
    """The request may have been carried out: read the state back, never send it again."""
