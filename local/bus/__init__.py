"""The event bus on one machine: durable queues in Postgres (pgmq), and a process that delivers them to the functions."""
