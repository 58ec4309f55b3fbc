"""AgentTrader's Cloud Functions: small, single-purpose, event-driven. `functions.yaml` is the only wiring."""
