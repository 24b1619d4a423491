"""What does no release break and yet differs at each look? A page before and now, with noise, judged by every check of pages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random

from aem_checks.kinds import all_kinds
from aem_checks.outcomes import Outcome, Severity
from benchmarks.parity import examine
from benchmarks.parity_pages import HOSTS, Page
from unit.aem_checks.pages.page_case import HASH, PRODUCTION, STAGE, Case
from unit.aem_checks.pages.page_corpus import CORPUS, KINDS, judged

GOOD = tuple(case for case in CORPUS if case.is_good and isinstance(case.html, str))
_HEAD = re.compile("</head>", re.IGNORECASE)
_BODY = re.compile("</body>", re.IGNORECASE)
_ID = re.compile(r'(?<= id=")((?:page|container|teaser|carousel|list|experiencefragment)-)[0-9a-f]+(?=")')
Noise = Callable[[str, Random], str]


def _token(html: str, chance: Random) -> str:
    return _HEAD.sub(f'<meta name="csrf-token" content="{chance.randbytes(16).hex()}"></head>', html, count=1)


def _nonce(html: str, chance: Random) -> str:
    return html.replace("<script", f'<script nonce="{chance.randbytes(8).hex()}"')


def _time(html: str, chance: Random) -> str:
    return f"{html}\n<!-- rendered in {chance.randint(3, 900)} ms at {chance.randint(0, 23):02}:{chance.randint(0, 59):02} -->"


def _ids(html: str, chance: Random) -> str:
    return _ID.sub(lambda found: found.group(1) + chance.randbytes(5).hex(), html)


def _build(html: str, chance: Random) -> str:
    return html.replace(HASH, chance.randbytes(16).hex())


def _stamps(html: str, chance: Random) -> str:
    return html.replace("/17000/", f"/{chance.randint(10**12, 2 * 10**12)}/")


def _banner(html: str, chance: Random) -> str:
    said = f"<div class=notice>{chance.choice(('Snow on the pass', 'Hut closed', 'Book early'))}</div>"
    return _BODY.sub(f"{said}</body>", html, count=1)


def _blanks(html: str, chance: Random) -> str:
    return html.replace("\n", "\n" + " " * chance.randint(0, 4))


def _session(html: str, chance: Random) -> str:
    hidden = f'<input type="hidden" name=":cq_csrf_token" value="{chance.randbytes(9).hex()}">'
    return _BODY.sub(f"{hidden}</body>", html, count=1)


NOISES: tuple[Noise, ...] = (_token, _nonce, _time, _ids, _build, _stamps, _banner, _blanks, _session)


def false_alarms(number: int, seed: int) -> Iterator[str]:
    """What blocks, or is taken for a difference from production, in one comparison; nothing does by right."""
    page = Page(number, seed)
    suspicion, _ = examine(page)
    if suspicion:
        yield f"response_parity sees a difference on {page.path}: {suspicion}"
    yield from _blocking(_made_up(page, "production", 0), _made_up(page, "stage", 1))
    chance = Random(f"{seed}-corpus-{number}")
    case = GOOD[chance.randrange(len(GOOD))]
    yield from _blocking(_noisy(case, chance), _noisy(case, chance))


def _made_up(page: Page, side: str, number: int) -> Case:
    response = page.answer(side, number)
    hosts = ((HOSTS["production"], PRODUCTION), (HOSTS["stage"], STAGE))
    html = response.text
    for host, address in hosts:
        html = html.replace(f"https://{host}", address)
    return Case(f"made-up {page.path}", "", html, page.path, headers=dict(response.headers))


def _noisy(case: Case, chance: Random) -> Case:
    html = case.html
    assert isinstance(html, str)
    for noise in chance.sample(NOISES, chance.randint(1, len(NOISES))):
        html = noise(html, chance)
    return replace(case, html=html)


def _blocking(before: Case, now: Case) -> Iterator[str]:
    for kind in KINDS:
        found = judged(kind, now, before)
        if found.weigh(all_kinds()[kind].severity)[:2] == (Severity.BLOCK, Outcome.FAILED):
            said = [each.sentence for each in found.findings if each.outcome is Outcome.FAILED]
            yield f"{kind} blocks {now.name}: {said[0]}"
