"""Which language does a path promise?"""

from __future__ import annotations

import re

_CODES = """
aa ab af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv
dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie
ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv
mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm
rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts
tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu
"""
LANGUAGES = frozenset(_CODES.split())
"""The two-letter codes of ISO 639-1."""
_COMBINED = re.compile(r"([a-z]{2})[-_]([a-z]{2}|[a-z]{4})")
_DEPTH = 4
"""How many segments of a path may stand before the language, as in ``/content/wknd/language-masters/de``."""


def language_of_path(path: str) -> str:
    """The primary language: ``/de/ch/…`` of country and language, ``/fr-ca/…`` or ``/fr/…``; empty if none.

    Adobe's sites put the country first (``/us/en``), so the second of two codes counts, unless the first can
    only be a language, which is so for English.
    """
    segments = [part.partition(".")[0].lower() for part in path.partition("?")[0].split("/")[1 : _DEPTH + 2]]
    for place, segment in enumerate(segments):
        combined = _COMBINED.fullmatch(segment)
        if combined is not None and combined.group(1) in LANGUAGES:
            return combined.group(1)
        if len(segment) == 2 and segment.isalpha():
            following = segments[place + 1] if place + 1 < len(segments) else ""
            if segment != "en" and following in LANGUAGES:
                return following
            return segment if segment in LANGUAGES and _is_language_alone(segment, following) else ""
    return ""


def _is_language_alone(segment: str, following: str) -> bool:
    """``/de/…`` and ``/en/us/…``, not ``/de/at/…`` whose second code is no language."""
    return segment == "en" or not (len(following) == 2 and following.isalpha())
