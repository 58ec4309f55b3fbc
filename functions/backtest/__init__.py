"""The simulated exchange and, on top of it, the backtester. Pure and deterministic: no clock, no files, no sockets."""
