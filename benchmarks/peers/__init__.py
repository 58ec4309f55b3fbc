"""What others run in a Python of its own, because their packages do not go with ours. See `make peers`."""
