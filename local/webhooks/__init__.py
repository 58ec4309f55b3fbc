"""The webhook and cron worker: serves the queue of `net.http_*` (pg_net) and the jobs of `cron.schedule` (pg_cron).

    python -m local.webhooks --database-url postgresql://... --port 21008

One worker serves a database at a time: a second one waits until the first one's session ends.
"""
