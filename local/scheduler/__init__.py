"""Cloud Scheduler on one machine: wakes the functions that the wiring table gives a cron expression."""
