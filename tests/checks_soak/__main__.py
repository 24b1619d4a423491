"""``python -m checks_soak [how many] [seed]``: more hostile answers and noisy comparisons for the checks than CI tries."""

from __future__ import annotations

import sys

from checks_soak.soak import main

if __name__ == "__main__":
    sys.exit(main())
