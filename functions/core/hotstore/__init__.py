"""The hot store: quick, and may be lost. Nothing in it must be true; everything in it can be rebuilt."""

from functions.core.hotstore.port import Entry, HotStore, Lease

__all__ = ["Entry", "HotStore", "Lease"]
