"""Every page of the dashboard: its path, and its heading."""

from __future__ import annotations

from typing import Final

BEFORE_SIGN_IN: Final = ("/sign-in", "/sign-up", "/reset")
PAGES: Final = {
    "/": "Overview",
    "/trade/SPY": "Trade",
    "/orders": "Orders",
    "/positions": "Positions",
    "/strategies": "Strategies",
    "/risk": "Risk",
    "/alerts": "Alerts",
    "/history": "History",
    "/watchlist": "Watchlist",
    "/reports": "Reports",
    "/automation": "Automation",
    "/accounts": "Accounts",
    "/settings": "Settings",
}
THEMES: Final = ("dark", "light")
