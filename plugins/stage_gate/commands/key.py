"""How does a deployment get its signing key, and how do others come to trust it?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from stage_gate.evidence.signing import key_id, new_private_key, public_key, read_key
from stage_gate.local.local_key import VARIABLE, connection_of, local_key

if TYPE_CHECKING:
    import argparse

TRUSTED = "AIRFLOW__STAGE_GATE__TRUSTED_KEYS"

_TOLD = """\
# {made} Whoever has the next line can sign verdicts and answers.
# 1. For the workers of the deciding queue and nobody else, as a variable or as an Airflow connection of that name:
{variable}='{connection}'
# 2. For all others: the other workers, and whoever runs python -m stage_gate verify (key {id}):
{trusted}={public}
# When you change the key, keep the old public one there too, after a comma: older evidence is verified with it.
"""


def run(options: argparse.Namespace) -> int:
    """Print a key and where it goes; 1 where there is none to print."""
    try:
        if options.public:
            print(_as_text(_configured(options.airflow_home)))
            return 0
        _print_pair(options.airflow_home)
    except (ValueError, OSError) as error:
        print(f"No key: {error}", file=sys.stderr)
        return 1
    return 0


def _print_pair(home: Path | None) -> None:
    private = local_key(home) if home else new_private_key()
    public = public_key(read_key(private))
    made = f"The signing key of {home}." if home else "A new Ed25519 key, kept nowhere."
    told = _TOLD.format(
        made=made,
        variable=VARIABLE,
        connection=connection_of(private),
        id=key_id(public),
        trusted=TRUSTED,
        public=_as_text(public),
    )
    print(told, end="")


def _configured(home: Path | None) -> bytes:
    """The public key of this Airflow's signing connection, or of the key in a home. Raises ``ValueError``."""
    if home is not None:
        return public_key(read_key(local_key(home)))
    from stage_gate.configuration.settings import SIGNING_CONNECTION, keys

    private = keys().private
    if private is None:
        raise ValueError(
            f"there is no connection {SIGNING_CONNECTION} here; make a key with: python -m stage_gate key"
        )
    return public_key(private)


def _as_text(public: bytes) -> str:
    import base64

    return base64.b64encode(public).decode()
