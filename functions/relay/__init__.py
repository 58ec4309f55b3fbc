"""From the outbox to the bus: published at least once, marked once."""
