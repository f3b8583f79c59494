"""What happened, from alert to closing; states what it wants and never pages anybody.

`models` the tables; `states` what may follow what; `handling` opening, updating, cancelling,
closing; `catalogue` the categories; `confidentiality` who reads what of a case.
"""
