"""The ledger: typed calls of the Postgres functions. Nothing else in the code base builds SQL or table queries.

One module per function folder, because each folder has its own Postgres role and may call only what it was granted.
"""
