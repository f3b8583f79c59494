"""Getting somebody to go.

`models` the tables; `policy` (pure) whom to page next, by what and when; `callouts` the pursuit of
a want, one function whether an alert, the clock or a repair calls it; `replies` what officers
answer; `wording` (pure) every text that leaves.
"""
