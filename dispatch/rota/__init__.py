"""The plan of who is on duty when.

`models` the tables; `duty` who is on duty at an instant, and why; `changes` entering and changing
shifts and covers by hand. What is to be planned: `problem` as values, `patterns`, `holidays`,
`presets`, `rules` and `fairness` what they mean, `planner` who plans. From rows to values and back:
`ground` and `rulebook` what a team is planned by, `officers` who, `planning` the whole. The life of
a plan: `drafts` and `seating`, `judging`, `publishing`; what people ask for: `absences`, `wishes`.
"""
