"""The plan of who is on duty when.

`models` the tables; `duty` who is on duty at an instant, and why; `changes` entering and changing
shifts and covers by hand; `problem` what is to be planned and what was found, as values.
"""
