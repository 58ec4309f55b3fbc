"""The control routes: those of every venue. For this machine only; no key."""

from __future__ import annotations

from local.simulators.venue import account_control, control

routes = [*control.routes, *account_control.routes]
