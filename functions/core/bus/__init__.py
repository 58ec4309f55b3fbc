"""The event bus: at-least-once, ordered per key. A message is only a wake-up: losing one loses nothing."""

from functions.core.bus.port import Bus

__all__ = ["Bus"]
