"""Runs the project's functions on one machine: the functions framework's own applications under gunicorn."""
