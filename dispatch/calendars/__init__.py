"""People's turns in their own calendar.

`models` the secret addresses; `feeds` what stands behind them.
"""
