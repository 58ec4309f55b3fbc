"""Starts the processes of the local cloud, keeps them running, and leaves nothing behind."""
