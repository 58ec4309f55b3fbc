"""History: bars of Postgres and of the archive as one."""
