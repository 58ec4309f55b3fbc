"""Whether an account is what its owner says: its broker is asked, by reading only, with the entered credential.

Nothing is read into the books and nothing is sent with a credential before: at Alpaca the keys alone say which account
is meant, and another account's fills would be booked, another account's positions sold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from functions.brokers.errors import BadCredentials, Rejected
from functions.brokers.holdings import AccountRules
from functions.brokers.protocol import Broker
from functions.brokers.sealing import BadSeal
from functions.core.errors import Final, Misconfigured, Refused, Temporary
from functions.core.ledger.executing import LinkState, TradingAccount
from functions.core.log import logger
from functions.execute.accounts import NotVerified
from functions.execute.syncing import sync_account

if TYPE_CHECKING:
    from functions.execute.submitting import Desk

_log = logger("execute")
# What keeps every credential of an installation from being used is no fault of this one.
_OF_THE_INSTALLATION = frozenset({"NO_KEYRING", "OPEN_KEYRING", "BAD_KEYRING"})


async def verified_broker(desk: Desk, account: UUID) -> Broker:
    """The broker of an account, by a credential that is known to be the account's: one that nobody has checked is now.

    So an exit or a cancel that comes before the verdict brings it about, and is not held up by anything else.
    Raises NotConnected where it could not be checked, Misconfigured where it was refused, and as `Accounts.broker`.
    """
    try:
        return await desk.ask(desk.accounts.broker, account)
    except NotVerified as unverified:
        await verify(desk, unverified.account)
        return await desk.ask(desk.accounts.broker, account)


async def verify_accounts(desk: Desk, account: UUID | None = None) -> int:
    """Verifies what was entered and is due: of one account, or of all; returns how many were asked about.

    A broker that does not answer leaves its account as it is, to be asked later. Raises Unavailable where the ledger
    does not answer.
    """
    listed = await desk.ask(desk.ledger.trading_accounts)
    due = [one for one in listed if one.verify_due and account in (None, one.broker_account_id)]
    for one in due:
        try:
            await verify(desk, one)
        except Temporary:
            raise
        except Exception as error:  # noqa: BLE001 - a mistake that one account meets keeps no other from being verified
            await desk.tell_mistake(one.broker_account_id, error, "the verification")
    return len(due)


async def verify(desk: Desk, account: TradingAccount) -> None:
    """Asks the broker who the credential is of, and keeps the verdict; with it what the account has and may do.

    The account is compared first, as a worker does when it starts: once it is verified its money is there to be seen,
    and every rule has what it asks for. A verdict of a credential that was entered again meanwhile changes nothing.
    """
    state: LinkState = "verified"
    code = reason = None
    try:
        broker = await desk.ask(desk.accounts.broker_of, account)
        try:
            rules = await broker.rules()
            require_agreement(account, rules)
            await broker.account()
            await _compared(desk, account, broker)
        finally:
            await broker.aclose()
        code, reason = _restriction(rules)
    except Temporary as error:
        state, code, reason = "unverified", error.code, f"{error.text}; it is tried again by itself"
    except (BadSeal, BadCredentials, Rejected, Refused, Misconfigured) as error:
        state, code, reason = "refused", error.code, _what_to_do(account, error)
        if isinstance(error, Misconfigured) and error.code in _OF_THE_INSTALLATION:
            state = "unverified"
            await desk.tell(account.broker_account_id, error)
    except Final as error:
        # What cannot be read says nothing of the credential.
        state, code, reason = "unverified", error.code, f"{error.text}; it is tried again by itself"
        await desk.tell(account.broker_account_id, error)
    _log.info("asked who the account is", account=str(account.broker_account_id), state=state, code=code)
    if account.trading_entered_at is not None:
        await desk.ask(
            desk.ledger.record_account_verification,
            account.broker_account_id,
            account.trading_entered_at,
            state,
            code,
            reason,
        )


def require_agreement(account: TradingAccount, said: AccountRules) -> None:
    """The broker's account is the linked one, of the same kind, and may trade.

    Raises Refused WRONG_ENVIRONMENT, WRONG_ACCOUNT or READS_ONLY.
    """
    linked = account.account_id
    if said.is_paper != account.is_paper:
        there, here = _kind(is_paper=said.is_paper), _kind(is_paper=account.is_paper)
        raise Refused(
            "WRONG_ENVIRONMENT",
            f"the broker says that {said.account_number} is a {there} account, and {linked} is linked as a {here} one: "
            f"link it as a {there} account, or enter the credential of the {here} one",
        )
    if said.account_number != linked:
        raise Refused(
            "WRONG_ACCOUNT",
            f"{linked} is the broker's inner id of an account: link it by its number, {said.account_number}"
            if _is_uuid(linked)
            else f"the credential is of account {said.account_number}, and {linked} is linked: "
            f"link {said.account_number}, or enter the credential of {linked}",
        )
    if said.reads_only:
        raise Refused("READS_ONLY", "this credential may look at the account and not trade: enter one that may trade")


async def _compared(desk: Desk, account: TradingAccount, broker: Broker) -> None:
    """The first comparison. A row that cannot be read is told of as always, and says nothing of the credential."""
    try:
        await sync_account(desk, account, broker, run="startup")
    except Final as error:
        await desk.tell(account.broker_account_id, error)


def _restriction(rules: AccountRules) -> tuple[str | None, str | None]:
    if rules.blocked is not None:
        return "ACCOUNT_BLOCKED", f"the broker takes no orders of this account: {rules.blocked}. Ask the broker"
    if rules.closing_only:
        return "CLOSING_ONLY", "the broker takes only orders that close a position of this account. Ask the broker"
    return None, None


def _what_to_do(account: TradingAccount, error: Final) -> str:
    if isinstance(error, BadCredentials):
        kind = _kind(is_paper=account.is_paper)
        return f"{error.text}; it was shown as a {kind} account's, and is of no use there if it is of another kind"
    if isinstance(error, Rejected) and error.code != "WRONG_ACCOUNT":
        return f"the broker refuses this credential ({error.text}): look at it there, and enter it again"
    return error.text


def _kind(*, is_paper: bool) -> str:
    return "paper" if is_paper else "live"


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
