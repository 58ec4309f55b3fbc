"""The books: what was earned, session by session."""
