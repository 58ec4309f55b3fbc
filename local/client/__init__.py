"""The REST API for Python programs: `Client`, one typed method for each operation, made from docs/openapi.json.

with Client("http://127.0.0.1:21000", key="at_...") as client:
    for trade in client.all_trades(status="filled"):
        print(trade.symbol)
"""

from local.client.client import Client
from local.client.problems import Problem, problem_of
from local.client.session import Session

__all__ = ["Client", "Problem", "Session", "problem_of"]
