"""Broker simulators: real protocols over real sockets, fed by a market tape and the simulated exchange."""
