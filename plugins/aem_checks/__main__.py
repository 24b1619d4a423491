"""What does ``python -m aem_checks`` do? It runs the command line of ``cli``."""

from __future__ import annotations

import sys

from aem_checks.cli import main

if __name__ == "__main__":
    sys.exit(main())
