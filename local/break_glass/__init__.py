"""Cancels and flattens at a broker directly, with credentials that lie on this machine, while all else may be down."""
