"""``python -m stage_gate``."""

from __future__ import annotations

import sys

from stage_gate.cli import main

sys.exit(main())
