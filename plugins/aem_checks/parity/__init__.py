"""Stage against production with the noise removed: which difference is the release, which is drift, which is noise?

An answer becomes a set of facts (``facts``), each a field and a value without what differs from answer to answer
anyway (``rules``). Several answers of each side are compared (``compare``); what a side does not say steadily is
noise, and a suspicion is confirmed with further answers (``sampling``). What also differed when both ran the same
code is drift (``attribution``). What may differ by the team's word is the contract (``contract``).
"""
