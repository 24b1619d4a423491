"""Does the acting road keep its promises whatever fails? Seeded schedules of two acting tasks, faults and crashes.

The tasks run the real code against the simulator's HTTP servers; ``schedule`` says what happens in which order,
``promises`` what must never happen, ``mutants`` shows that it would be noticed.
"""
