"""The command line `agenttrader`."""
