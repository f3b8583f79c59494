"""What police systems send, and what becomes of it.

`models` the tables; `own` (pure) our own JSON into an `Alert`; `receive` verifying, keeping and
handing on.
"""
