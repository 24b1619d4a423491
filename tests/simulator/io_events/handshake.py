"""Does the webhook want these events? The challenge in both of Adobe's forms.

Source: `guides/index.md` of the I/O Events documentation. Whether these two requests carry signatures is not
documented: here they carry none but the HMAC.
"""

from __future__ import annotations

import asyncio
import json
import uuid

import aiohttp
from yarl import URL

from simulator.io_events.registrations import Registration
from simulator.io_events.schedule import CHALLENGE_LIFE
from simulator.io_events.signing import hmac_of

HEADERS = {"user-agent": "Adobe/1.0", "x-adobe-event-code": "challenge", "x-adobe-provider": "cloudmanager"}


async def shake_hands(
    session: aiohttp.ClientSession, to: Registration, validation_url: str, now: float, *, ask: bool = True
) -> None:
    """GET with a challenge; where 200 comes without it, POST a validation URL. Sets the status.

    `ask` false leaves the GET out, as for a webhook that answered it with an empty 200.
    """
    challenge = str(uuid.uuid4())
    try:
        async with asyncio.timeout(to.patience):
            answered = await _ask(session, to, challenge) if ask else None
            if answered is not None:
                to.status = "ACTIVE" if answered else "DISABLED"
                return
            to.status, to.challenge, to.deadline = "PENDING", str(uuid.uuid4()), now + CHALLENGE_LIFE
            if not await _announce(session, to, f"{validation_url}?id={to.id}&challenge={to.challenge}"):
                to.status = "DISABLED"
    except (aiohttp.ClientError, OSError, TimeoutError):
        to.status = "DISABLED"


async def _ask(session: aiohttp.ClientSession, to: Registration, challenge: str) -> bool | None:
    """True: the challenge came back as it must; None: 200 without it; False: anything else."""
    url = URL(str(to.url)).update_query(challenge=challenge)
    signature = {"x-adobe-signature": hmac_of(b"", to.secret)}
    async with session.get(url, headers={**HEADERS, **signature}, allow_redirects=False) as answer:
        if answer.status != 200:
            return False
        text = await answer.text(errors="replace")
        if answer.content_type == "application/json":
            return True if _challenge_in(text) == challenge else None
        return True if answer.content_type == "text/plain" and text == challenge else None


async def _announce(session: aiohttp.ClientSession, to: Registration, validation_url: str) -> bool:
    body = json.dumps({"validationUrl": validation_url}).encode()
    headers = {**HEADERS, "content-type": "application/json", "x-adobe-signature": hmac_of(body, to.secret)}
    async with session.post(str(to.url), data=body, headers=headers, allow_redirects=False) as answer:
        return answer.status == 200


def _challenge_in(text: str) -> object:
    try:
        loaded = json.loads(text)
    except ValueError:
        return None
    return loaded.get("challenge") if isinstance(loaded, dict) else None
