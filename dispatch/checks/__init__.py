"""Whether the loop works before it is needed: check-ins, tests and reminders.

`models` the rows; `deciding` what is due when (pure); `rounds` the chore that looks and acts;
`stages` how far the asking goes; `telling` what is said; `answers` what comes back; `monthly` who
is tested by day; `choices` what teams and people chose; `showing` what screens say.
"""
