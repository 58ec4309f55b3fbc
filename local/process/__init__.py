"""What every server process of the local cloud does alike: take its port, log to stderr, end cleanly."""
