"""The ledger: typed calls of the Postgres functions. Nothing else in the code base builds SQL or table queries."""
