"""Orders out and fills back: the only folder that opens trading credentials."""
