"""Whether the loop works before it is needed: check-ins, tests and reminders.

`models` the rows, `deciding` what is due when (pure), `rounds` the chore that looks and acts,
`telling` what is said, `answers` what comes back, `monthly` who is tested by day, `choices` what
teams and people chose, `line_phones` the telephone that is passed on with a turn.
"""
