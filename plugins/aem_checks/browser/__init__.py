"""How are a site's pages opened in a real Chromium, and what is seen there?

``finding``: which Chromium; ``browser``: one process per task, ``async with open_browser(visit) as browser``, then
``async with browser.page(url) as opened``; ``seen``: what a page asked for and complained of; ``pictures`` and
``comparing``: screenshots and how two of them differ; ``check``: what all kinds that need a browser have in common.
"""
