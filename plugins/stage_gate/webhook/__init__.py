"""How does Adobe I/O reach this Airflow? An endpoint of its API server; what it hears is only a reason to look.

`mount` (is it on?) · `app` (the paths) · `body` (reading what a stranger sends) · `reception` (what is answered) ·
`registrations` (who may be addressed) · `writer` and `store` (one transaction for all that waits) · `limits`, `seen`,
`refusals` (how often, known already, what the log says).
"""
