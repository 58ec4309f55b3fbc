"""The archive: objects by key that are kept for ever, long history above all."""

from functions.core.archive.port import Archive

__all__ = ["Archive"]
