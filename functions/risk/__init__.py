"""Risk: every order of every source is judged by the same rules before it may be sent."""
