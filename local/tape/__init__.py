"""Market tapes: what a simulated broker replays, one minute at a time."""
