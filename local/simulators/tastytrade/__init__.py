"""The tastytrade simulator: REST with OAuth, the account streamer and DXLink, as the unmodified SDK expects them.

Everything that is not tastytrade's own (tape, prices, exchange, books) is the venue's.
"""
