"""The brokers: one protocol, one adapter file per broker. Only here is a broker's SDK imported."""
