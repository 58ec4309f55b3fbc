"""The Alpaca simulator: trading REST, data REST and both websocket streams on one port, over a market tape.

    python -m local.simulators.alpaca --port 21010 --tape sp500:SPY:2018-02-05:2018-02-06 --seed 7

The unmodified alpaca-py SDK talks to it through `url_override`. Displayed sizes are in shares. The tape moves by
POST /control/advance (lock-step, the default) or by itself (`--pace realtime`, `--pace 60x`).
"""
