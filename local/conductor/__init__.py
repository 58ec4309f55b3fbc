"""Drives a replay: moves the tape on, and in lock-step only when nothing is in flight."""
