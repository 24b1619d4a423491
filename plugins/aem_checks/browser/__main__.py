"""Is there a Chromium for the browser checks? ``python -m aem_checks.browser`` finds or installs one and says which.

It ends with 0 in either case: without a Chromium the gate works, and its browser checks say that they saw nothing.
"""

from __future__ import annotations

from aem_checks.browser.finding import REMEDY, Chromium, NoChromium, find_chromium, install_chromium
from aem_checks.browser.lighthouse import NoLighthouse, find_lighthouse


def main() -> None:
    """Print a sentence on Chromium, one on Lighthouse, and what was tried before."""
    try:
        found: Chromium | None = find_chromium()
    except NoChromium:
        print("There is no Chromium yet. Installing one …", flush=True)
        found, said = install_chromium()
        for sentence in said:
            print(f"  {sentence}")
    print(_sentence(found))
    print(_of_lighthouse())


def _sentence(found: Chromium | None) -> str:
    if found is None:
        return f"Browser checks: no Chromium, so they will be inconclusive. To do: {REMEDY}."
    try:
        return f"Browser checks: {found.version()} ({found.origin}, {found.path})."
    except NoChromium as error:
        return f"Browser checks: {error}. To do: {REMEDY}."


def _of_lighthouse() -> str:
    try:
        lighthouse = find_lighthouse()
    except NoLighthouse as error:
        return f"web_vitals: by Chromium alone, since {error}."
    return f"web_vitals: by Lighthouse {lighthouse.version} ({lighthouse.root})."


if __name__ == "__main__":
    main()
