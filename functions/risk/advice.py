"""What to do about a refusal: one sentence for each code, for people."""

from __future__ import annotations

from typing import Final

from functions.risk.assess import RULES
from functions.risk.rule import Rule

_SENTENCES: Final[dict[str, str]] = {
    # The rules.
    "NOTHING_TO_REDUCE": "Nothing is held that this order would close; order it to open, or leave it.",
    "GATE_CLOSED": "Trading is halted here: `agenttrader halt status` says why. Exits still pass; lift it when its "
    "cause is gone.",
    "ACCOUNT_BLOCKED": "The broker blocks the account: ask the broker.",
    "CLOSING_ONLY": "The broker lets the account only close: close what is open, or ask the broker.",
    "MULTI_LEG_NOT_JUDGED": "Place the legs alone: together they must be options of one root and one multiplier.",
    "OPTIONS_LEVEL": "The account's options level is too low: cover what is sold, or ask the broker for a higher one.",
    "NOT_SHORTABLE": "It may not be sold short here: sell no more than is held.",
    "MARKET_CLOSED": "Place it again in the regular session; an exit with a limit price may wait at the broker.",
    "OPTION_EXPIRED": "The option has expired: choose a later one.",
    "STALE_QUOTE": "Place it again when a newer quote is there: `agenttrader status` says whether market data comes.",
    "MISSING_QUOTE": "No quote of the symbol is known: watch it (`PUT /market-data/watched`), and place it again "
    "when one has come.",
    "PRICE_COLLAR": "The limit price is too far from the market: look at it, and place it nearer.",
    "BLACKOUT": "Wait until the dates are over, or remove them with remove_blackout(); exits pass.",
    "MAX_SPREAD": "The market is too wide: wait, or set another limit: `agenttrader limits list`.",
    "ZERO_DTE_CUTOFF": "Choose an option that trades longer; exits pass.",
    "MISSING_EARNINGS_DATE": "Enter the next earnings with set_blackout(), or without dates that it reports none.",
    "MISSING_EX_DIVIDEND_DATES": "Enter the ex-dividend date with set_blackout(), or without dates that it pays none.",
    "POSITION_LIMIT": "Order less, close something first, or set another limit: `agenttrader limits list`.",
    "CAPITAL_LIMIT": "Order less, close something first, or set another limit: `agenttrader limits list`.",
    "MAX_LOSS_PER_TRADE": "Order less, plan a nearer stop, or set another limit: `agenttrader limits list`.",
    "MISSING_STOP": "Its loss has no bound: buy a leg that covers what is sold, or take another order.",
    "STOP_ON_WRONG_SIDE": "Plan the stop where it loses: below the price of a buy, above that of a sell.",
    "BUYING_POWER": "Order less, or close something first: the broker would refuse it.",
    "UNSETTLED_CASH": "Wait until what was sold is settled, or order for less.",
    "LEAVES_UNCOVERED": "Close the whole package in one order, or what is sold first.",
    "UNDEFINED_RISK": "Buy a leg or shares that cover the call, or permit it by the limit undefined_risk.",
    "MAX_DAILY_LOSS": "Entries of the day are over here: only exits pass until the next session day.",
    "DRAWDOWN_FROM_PEAK": "Only exits pass until it has recovered, or another limit is set.",
    "DRAWDOWN_FROM_START": "Only exits pass until it has recovered, or another limit is set.",
    "DUPLICATE_ORDER": "The same order was placed a moment ago: place it again later if it is meant twice.",
    "WASH_TRADE": "It could trade with a working order of your own: cancel that one first.",
    "ORDER_RATE": "Orders come too fast: find out why before you place more.",
    "ORDER_CHURN": "It was entered often enough today: leave it until the next session day.",
    "ORDER_QUANTITY": "Order less at once, or set another limit: `agenttrader limits list`.",
    "TRADE_CAPITAL": "Order less at once, or set another limit: `agenttrader limits list`.",
    "OPEN_POSITIONS": "Close something first, or set another limit: `agenttrader limits list`.",
    "DAY_TRADES": "Hold over night what is open, or wait until a day trade is five sessions old.",
    "LAST_MINUTES": "Place it in the next session: so near to the close only exits pass.",
    "BLACKOUT_DAYS_BEFORE": "Wait until the earnings are over; exits pass.",
    "EX_DIVIDEND_DAYS": "Wait until the ex-dividend date is over, or sell a call that expires before it.",
    "QUOTE_SIZE": "Order no more than is offered, or place it again when more is quoted.",
    "MIN_VOLUME": "Too little of it is traded: take another symbol, or set another limit: `agenttrader limits list`.",
    "MIN_OPEN_INTEREST": "Too few contracts are open: take another strike or expiry, or set another limit: "
    "`agenttrader limits list`.",
    "OVERLAPPING_STRIKES": "Choose strikes beyond those of the open packages, or close one of them first.",
    "OPPOSITE_CONTRACT": "The account holds this contract the other way: close that first, or take another strike.",
    "COOLDOWN": "Wait until the time that it says: the symbol was closed a moment ago. Exits pass.",
    "STOP_LOSS_GUARD": "Entries pause until the time that it says and then pass by themselves. Exits pass.",
    "CONSECUTIVE_LOSSES_GUARD": "Entries pause until the time that it says and then pass by themselves. Exits pass.",
    "MAX_DRAWDOWN_GUARD": "Entries pause until the time that it says and then pass by themselves. Exits pass.",
    "LOW_PROFIT_SYMBOL": "This symbol pauses until the time that it says; trade another. Exits pass.",
    "SYMBOL_CONCENTRATION": "Order less, or close something in this underlying first.",
    "SECTOR_CONCENTRATION": "Order less, or close something in this sector first.",
    "MARGIN_UTILISATION": "Order less, close something first, or deposit: it would tie up too much margin.",
    "NET_DELTA_LIMIT": "Order less, or first something of the other direction.",
    "NET_GAMMA_LIMIT": "Order fewer options, or first some that lower the net gamma.",
    "NET_VEGA_LIMIT": "Order fewer options, or first some that lower the net vega.",
    # What is missing.
    "MISSING_CALENDAR": "The exchange's calendar is not here: it comes within a minute of a data credential "
    "(`agenttrader account link --purpose data`). Then place it again.",
    "MISSING_SECTOR": "Nobody has entered the sector of its underlying: have it entered, or trade what has one.",
    # The way to the broker.
    "ACCOUNT_NOT_VERIFIED": "Enter the account's credential and wait until it is verified: `agenttrader account list`.",
    "LIVE_NOT_CONFIRMED": "Confirm live trading of this account first, signed in with a second factor.",
    "NOTIONAL_NOT_JUDGED": "Order a quantity instead of an amount.",
    "WOULD_NOT_REDUCE": "What it was to close is closed or being closed already: nothing is left to do.",
    "COVER_IS_NEEDED": "What was to be bought back first was not, so it still covers that: the next round closes it.",
    "REPLACEMENT_TOO_LARGE": "Replace it by a smaller order; the one that works goes on.",
    "TOO_LATE": "It was not sent in time: place it again if it is still wanted.",
    "ORDER_IS_OVER": "The order that it was to replace is over: place a new one.",
    "NOTHING_LEFT": "The order that it was to replace has filled that much already.",
    "CANCEL_REQUESTED": "Somebody asked for its cancel before it was sent.",
    "USER_DISABLED": "Its owner is shut out: an administrator lets them in again.",
    "DEACTIVATED": "Its strategy was stopped: start it again if it shall trade.",
    "HALT": "A halt has canceled it: `agenttrader halt status`.",
    "BROKER_REJECTED": "The broker refused it and did not say why: look at the broker's page.",
}
_BY_DENIAL: Final[dict[str, list[Rule]]] = {}
for _rule in RULES:
    for _code in _rule.denials:
        _BY_DENIAL.setdefault(_code, []).append(_rule)


def advice(code: str) -> str:
    """What to do about a refusal of this code; of one that is not known, where to read about it."""
    said = _SENTENCES.get(code)
    if said is not None:
        return said
    rules = _BY_DENIAL.get(code, [])
    if code.startswith(("MISSING_", "STALE_")):
        whose = f"the rule {rules[0].name}" if len(rules) == 1 else "a rule"
        # A rule without scopes, or with a default, is on whatever anybody sets.
        off = len(rules) == 1 and rules[0].kind.scopes and rules[0].kind.default is None
        way = "or remove its limit: `agenttrader limits list`" if off else "`agenttrader status` says whether all runs"
        return f"What {whose} needs is missing or too old, so it refuses: wait until it is there, {way}."
    if len(rules) != 1:
        return "The text says what was found; docs/risk.md and docs/brokers.md say more."
    (rule,) = rules
    setting = f" `agenttrader limits kinds {rule.name}` says more." if rule.kind.scopes else ""
    return f"The rule {rule.name} asks: {rule.kind.summary.split('. ')[0].rstrip('.')}.{setting}"
