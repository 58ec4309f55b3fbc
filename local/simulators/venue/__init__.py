"""What every simulated broker stands on: the tape and its clock, prices, accounts, order desks and fault switches.

Nothing here knows a broker's wire. A simulator puts its REST routes and streams around it.
"""
