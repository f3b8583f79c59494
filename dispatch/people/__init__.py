"""Organisations, teams, the people in them, what they may do and what they are trained for.

`models` the tables; `organisations` and `staff` how these begin and change; `accounts` signing in
and keys of machines; `access` who may do what; `qualifications` which training counts on which day;
`phones` contact methods.
"""
