"""An account kept in memory: what the ledger would know of it, for the same risk rules in a backtest."""
