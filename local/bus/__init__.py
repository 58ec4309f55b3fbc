"""The event bus on one machine: durable queues in Postgres (pgmq), and a process that delivers to the functions."""
