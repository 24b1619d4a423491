"""How are a site's pages opened in a real Chromium, and what is seen there?

``asks``: what a check can ask of a page, and what it is told; ``check``: what all kinds have in common that do;
``sharing``: one browser for all of them, where each has a ``seat``; ``visiting``: one visit of a page for all who ask for
it; ``looks``: what is looked at meanwhile; ``kept``: how it lies in the evidence. Below: ``finding``: which Chromium;
``browser``: one process per task, ``async with open_browser(visit) as browser``, then ``async with browser.page(url) as
opened``; ``seen``: what a page asked for and complained of; ``pictures`` and ``comparing``: screenshots and how two of
them differ.
"""
