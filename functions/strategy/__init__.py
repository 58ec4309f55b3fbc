"""Strategies: the plug-in interface, the built-in kinds, and the pure evaluation of one completed bar."""
