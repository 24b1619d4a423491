"""``python -m webhook_soak [how many] [seed]``: more bodies to the webhook than CI sends."""

from __future__ import annotations

import sys

from webhook_soak.soak import main

if __name__ == "__main__":
    sys.exit(main())
