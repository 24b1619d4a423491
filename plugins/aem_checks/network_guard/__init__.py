"""Which addresses may a gate contact, whoever sends: its own client, Chromium or another program?

``rule`` is the pure rule, ``connecting`` asks it for each connection, and ``forward_proxy`` lets other programs
use it: ``async with guard_proxy(visit) as proxy`` gives ``proxy.url``, an HTTP proxy on loopback.
"""
