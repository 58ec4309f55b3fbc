"""Market data in: what the feed says, checked, stored, and published."""
