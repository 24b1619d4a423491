"""``python -m faults [how many] [seed]``: more fault schedules than CI plays."""

from __future__ import annotations

import sys

from faults.soak import main

if __name__ == "__main__":
    sys.exit(main())
