"""Noticing what is wrong with the centre itself, and telling somebody who is awake.

`models` the tables; `judging` (pure) what is wrong, from what was read; `wrongs` keeping it from
its beginning to its end; `outside` telling a watchdog that does not depend on us; `boards` whether
the console can be heard, else the telephone; `standing_in` ringing while no engine lives;
`blackout` telling and ringing while the database does not answer; `cover` turns that will have
nobody; `unreached` whoever does not answer the check-in; `promises` sources that must not be
silent; `ringing` whom to ring by hand; `sheet` who is on duty, on paper; `sentry` doing all this at
its time.
"""
