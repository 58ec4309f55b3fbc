/**
 * What a refusal says, in sentences: what was found, what the limit is, and what to do now. The rules and the ledger say it
 * as a code and numbers; here is the one place where the dashboard has words for them.
 *
 * A sentence whose number was not told is left out: what was summed up over everybody is nobody's to read.
 */
import { Problem } from "@/api/problem";
import { dollars, grouped, price, typed } from "@/money/amount";
import { full } from "@/time/times";

type Sentences = readonly string[];

const LESS = "Order less, close something first, or change the limit on the Risk page.";
const PAUSE = "Entries pass again by themselves after that; exits pass now.";
const UNTIL = "Until {until:time} nothing is opened.";
const ASK_BROKER = "Ask the broker; exits pass.";

const SAID: Readonly<Record<string, Sentences>> = {
  // What the order is.
  NOTHING_TO_REDUCE: ["Nothing is held that this order would close.", "Order it to open, or leave it."],
  WOULD_NOT_REDUCE: ["What it was to close is closed, or is being closed.", "Nothing is left to do."],
  MULTI_LEG_NOT_JUDGED: ["Legs that are ordered together must be options of one root and one multiplier.", "Place these alone."],
  NOTIONAL_NOT_JUDGED: ["An amount of dollars cannot be judged here.", "Order a quantity."],
  OPTION_EXPIRED: ["The option {symbol} expired on {expires_on}.", "Choose a later one."],
  STOP_ON_WRONG_SIDE: ["The stop at ${stop:price} does not lose against the price of ${price:price}.", "Plan it below the price of a buy, above that of a sell."],
  REPLACEMENT_TOO_LARGE: ["Only {may} of {would} might be replaced.", "The order that works goes on; replace it by a smaller one."],
  ORDER_IS_OVER: ["The order that it was to replace is over.", "Place a new one."],
  NOTHING_LEFT: ["The order that it was to replace has filled that much already."],
  // What the account may.
  GATE_CLOSED: ["Trading is halted.", "Why: {reason}.", "Exits pass; lift the halt on the Risk page when its cause is gone."],
  ACCOUNT_NOT_VERIFIED: ["The broker has not verified the account.", "Enter its keys on the Accounts page."],
  LIVE_NOT_CONFIRMED: ["Live trading is off for this account.", "Agree to it on the Accounts page; exits pass."],
  ACCOUNT_BLOCKED: ["The broker blocks the account.", ASK_BROKER],
  CLOSING_ONLY: ["The broker lets the account only close.", "Close what is open, or ask the broker."],
  OPTIONS_LEVEL: ["It needs the options level {needed}; the account has {level}.", "Cover what is sold, or ask the broker for a higher level."],
  NOT_SHORTABLE: ["{symbol} may not be sold short here.", "Sell no more than is held."],
  UNDEFINED_RISK: ["It sells calls that nothing covers: the loss has no bound.", "Buy a leg or shares that cover them, or permit it by the limit undefined risk on the Risk page."],
  LEAVES_UNCOVERED: ["It would leave sold options uncovered.", "Close the whole package in one order, or what is sold first."],
  COVER_IS_NEEDED: ["What was to be bought back first was not, so it still covers that.", "The next round closes it."],
  USER_DISABLED: ["Its owner is shut out.", "An administrator lets them in again."],
  // When.
  MARKET_CLOSED: ["The market is closed.", "It opens at {next_open:time}.", "Place it again then."],
  LAST_MINUTES: ["The market closes at {closes_at:time}; in the last {limit_minutes} minutes nothing is opened.", "Place it in the next session."],
  ZERO_DTE_CUTOFF: ["{symbol} trades until {trades_until:time}; in the last {limit_minutes} minutes it is not opened.", "Choose an option that trades longer."],
  BLACKOUT: ["{symbol}: no entries until {until:time} ({kind}).", "Wait, or remove the dates on the Risk page; exits pass."],
  BLACKOUT_DAYS_BEFORE: ["{symbol} reports earnings in {days_to_earnings} days; from {limit} days before nothing is opened.", "Wait until they are over; exits pass."],
  EX_DIVIDEND_DAYS: ["{symbol} goes ex-dividend in {days_to_ex_dividend} days; from {limit} days before no call is sold.", "Wait until the date is over, or sell a call that expires before it."],
  TOO_LATE: ["It was not sent in time.", "Place it again if it is still wanted."],
  // The market.
  STALE_QUOTE: ["The newest quote is {age_seconds} seconds old; the limit is {limit_seconds}.", "Place it again when a newer one is there."],
  STALE_BARS: ["The newest bar of {symbol} is {age_seconds} seconds old; the limit is {limit_seconds}.", "Wait until bars come again."],
  MAX_SPREAD: ["The spread of {symbol} is {percent:round} % (${bid:price} to ${ask:price}); the limit is {limit} %.", "Wait for a narrower market, or change the limit on the Risk page."],
  QUOTE_SIZE: ["{quantity} of {symbol} are ordered where {quoted} are quoted; the limit is {limit_percent} % of that.", "Order less, or place it again when more is quoted."],
  MIN_VOLUME: ["{symbol} trades {daily_volume:round} shares a day; the least is {limit}.", "Take another symbol, or change the limit on the Risk page."],
  MIN_OPEN_INTEREST: ["{symbol} has {open_interest} contracts open; the least is {limit}.", "Take another strike or expiry, or change the limit on the Risk page."],
  STALE_OPEN_INTEREST: ["The open interest of {symbol} is {age_days} days old; the limit is {limit_days}.", "Wait until it is taken again."],
  PRICE_COLLAR: ["The price of ${limit_price:price} is {percent:round} % beyond the market at ${quote:price}; the limit is {limit_percent} %.", "Look at it, and place it nearer."],
  // How much.
  POSITION_LIMIT: ["{quantity_after|after} would be open after it.", "The limit of {scope:scope} is {limit}.", LESS],
  CAPITAL_LIMIT: ["{notional_after|after:dollars} would be at work after it.", "The limit of {scope:scope} is {limit:dollars}.", LESS],
  MAX_LOSS_PER_TRADE: ["It may lose {loss|after:dollars}.", "The limit of {scope:scope} is {limit:dollars}.", "Order less, plan a nearer stop, or change the limit on the Risk page."],
  MISSING_STOP: ["Its loss has no bound.", "The limit of {scope:scope} is {limit:dollars}.", "Buy a leg that covers what is sold, or plan a stop."],
  BUYING_POWER: ["It takes {takes:dollars} of buying power; {left:dollars} are left.", "Order less, or close something first."],
  UNSETTLED_CASH: ["It costs {costs:dollars}; {settled_left:dollars} of settled cash are left.", "Wait until what was sold is settled, or order for less."],
  ORDER_QUANTITY: ["{quantity} of {symbol} are ordered at once.", "The limit of {scope:scope} is {limit}.", "Order less at once, or change the limit on the Risk page."],
  TRADE_CAPITAL: ["It takes {capital:dollars}.", "The limit of {scope:scope} for one order is {limit:dollars}.", "Order less at once, or change the limit on the Risk page."],
  OPEN_POSITIONS: ["{positions_after|after} positions would be open after it.", "The limit of {scope:scope} is {limit}.", "Close something first, or change the limit on the Risk page."],
  SYMBOL_CONCENTRATION: ["{after:dollars} would be in {underlying}, of an equity of {equity:dollars}.", "The limit of {scope:scope} is {limit} %.", "Order less, or close something in it first."],
  SECTOR_CONCENTRATION: ["{after:dollars} would be in the sector {sector}, of an equity of {equity:dollars}.", "The limit of {scope:scope} is {limit} %.", "Order less, or close something in this sector first."],
  MARGIN_UTILISATION: ["{after:dollars} of margin would be tied up, of an equity of {equity:dollars}.", "The limit of {scope:scope} is {limit} %.", "Order less, close something first, or deposit."],
  NET_DELTA_LIMIT: ["The net delta would be {after:dollars}.", "The limit of {scope:scope} is {limit:dollars}.", "Order less, or first something of the other direction."],
  NET_GAMMA_LIMIT: ["The net gamma would be {after:dollars}.", "The limit of {scope:scope} is {limit:dollars}.", "Order fewer options, or first some that lower it."],
  NET_VEGA_LIMIT: ["The net vega would be {after:dollars}.", "The limit of {scope:scope} is {limit:dollars}.", "Order fewer options, or first some that lower it."],
  OVERLAPPING_STRIKES: ["Its strikes overlap with {packages} open packages.", "The limit of {scope:scope} is {limit}.", "Choose strikes beyond theirs, or close one of them first."],
  OPPOSITE_CONTRACT: ["The account holds {symbol} the other way.", "Close that first, or take another strike."],
  // What was lost.
  MAX_DAILY_LOSS: ["{lost:dollars} are lost today.", "The limit of {scope:scope} is {limit:dollars}.", "Only exits pass until the next session day."],
  DRAWDOWN_FROM_PEAK: ["It stands {lost:dollars} below its peak.", "The limit of {scope:scope} is {limit:dollars}.", "Only exits pass until it has recovered, or the limit is changed on the Risk page."],
  DRAWDOWN_FROM_START: ["It stands {lost:dollars} below its start.", "The limit of {scope:scope} is {limit:dollars}.", "Only exits pass until it has recovered, or the limit is changed on the Risk page."],
  COOLDOWN: ["{symbol} was closed less than {limit} minutes ago.", UNTIL, PAUSE],
  STOP_LOSS_GUARD: ["More than {limit} stops were hit.", UNTIL, PAUSE],
  CONSECUTIVE_LOSSES_GUARD: ["{losses} trades in a row have lost.", "The limit of {scope:scope} is {limit}.", UNTIL, PAUSE],
  MAX_DRAWDOWN_GUARD: ["The closed trades have fallen by {fall:dollars}.", "The limit of {scope:scope} is {limit:dollars}.", UNTIL, PAUSE],
  LOW_PROFIT_SYMBOL: ["{symbol} has made {profit:dollars}, less than {limit:dollars}.", UNTIL, "Trade another; exits pass."],
  // How often.
  DUPLICATE_ORDER: ["The same order was placed {seconds_since} seconds ago.", "Within {limit_seconds} seconds that is taken for a mistake: place it again later if it is meant twice."],
  WASH_TRADE: ["It could trade with your own working order in {symbol} at {price}.", "Cancel that one first."],
  ORDER_RATE: ["{placed} orders were placed within {within_seconds} seconds.", "The limit of {scope:scope} is {limit}.", "Find out why they come so fast before you place more."],
  ORDER_CHURN: ["{symbol} was entered {entries_today} times today.", "The limit of {scope:scope} is {limit}.", "Leave it until the next session day."],
  DAY_TRADES: ["{day_trades} day trades are counted with an equity of {equity:dollars}.", "Below {below_equity:dollars} the limit is {limit}.", "Hold over night what is open, or wait until a day trade is five sessions old."],
  // What is missing or too old to decide by.
  MISSING_QUOTE: ["No quote of {symbol} is known.", "Add it to the watchlist, and place the order when a quote has come."],
  MISSING_MARK: ["What {symbol} is worth is not known.", "Wait until a quote has come."],
  MISSING_CALENDAR: ["The exchange's calendar is not here.", "It comes within a minute of a data credential: enter one on the Accounts page."],
  MISSING_SECTOR: ["Nobody has entered the sector of {underlying}.", "Have it entered, or trade what has one."],
  MISSING_EARNINGS_DATE: ["When {symbol} reports earnings is not known.", "Enter the date on the Risk page."],
  MISSING_EX_DIVIDEND_DATES: ["When {symbol} goes ex-dividend is not known.", "Enter the date on the Risk page."],
  ...lacking({
    ACCOUNT_RULES: "What the broker lets the account do", BARS: "The bars of the symbol", BUYING_POWER: "The buying power", CLOSED_TRADES: "What was closed lately",
    DATES: "The dates without entries", DAY_TRADES: "How many day trades there were", EARLIER_ORDERS: "What was ordered before", ENTRY_COUNT: "How often it was entered",
    EQUITY: "The account's equity", EXPOSURE: "What is open", GATES: "Whether trading is halted", GREEKS: "The greeks of what is open", MARGIN: "The margin in use",
    OPEN_INTEREST: "The open interest", ORDER_COUNT: "How many orders were placed", PACKAGES: "What is open together", POSITION_COUNT: "How many positions are open",
    RESULT: "The result so far", SETTLED_CASH: "The settled cash", VOLUME: "The daily volume", WORKING_ORDERS: "What works at the broker",
  }, "MISSING", "is not known"),
  ...lacking({ EQUITY: "The account's equity", GREEKS: "The greeks of what is open", RESULT: "The result so far" }, "STALE", "is too old to decide by"),
  // What ended it before it was sent, and the broker.
  CANCEL_REQUESTED: ["Its cancel was asked for before it was sent."],
  DEACTIVATED: ["Its strategy was stopped.", "Start it again if it shall trade."],
  HALT: ["A halt has canceled it.", "The Risk page says why."],
  BROKER_REJECTED: ["The broker refused it and did not say why.", "Look at the broker's page."],
};

function lacking(things: Readonly<Record<string, string>>, prefix: string, how: string): Readonly<Record<string, Sentences>> {
  return Object.fromEntries(Object.entries(things).map(([name, thing]) => [`${prefix}_${name}`, [`${thing} ${how}.`, "Wait until it is there: without it nothing is opened."]]));
}

const SCOPES: Readonly<Record<string, string>> = { global: "everybody", user: "all of your trading", account: "this account", strategy: "this strategy", symbol: "this symbol" };

export type Numbers = Readonly<Record<string, unknown>>;

export interface Refused {
  code: string;
  numbers: Numbers;
}

const CODE = /^([A-Z][A-Z0-9_]+)(?:: ?(.*))?$/s;

/** "POSITION_LIMIT: symbol=SPY limit=5": null where the text is no code and numbers, as the broker's own words are. */
export function readRefusal(text: string): Refused | null {
  const [, code, rest = ""] = CODE.exec(text.trim()) ?? [];
  if (code === undefined) return null;
  const numbers: Record<string, string> = {};
  // A value may have spaces: it ends where the next name begins.
  for (const part of rest.split(/\s+(?=[a-z_]+=)/)) {
    const at = part.indexOf("=");
    if (at > 0) numbers[part.slice(0, at)] = part.slice(at + 1).trim();
  }
  // A code with words behind it is said by the words.
  return rest !== "" && Object.keys(numbers).length === 0 ? null : { code, numbers };
}

export function hasWords(code: string): boolean {
  return Object.hasOwn(SAID, code);
}

/** The sentences of a code, with its numbers; null where there are none for it. Times are told in the zone. */
export function sentences({ code, numbers }: Refused, zone: string): string | null {
  if (!hasWords(code)) return null;
  const filled = (SAID[code] ?? []).map((one) => fill(one, numbers, zone)).filter((one) => one !== null);
  return filled.join(" ");
}

/** What the API has refused, in these sentences where there are some for its code; anything else as it is. */
export function inSentences(error: unknown, zone: string): unknown {
  if (!(error instanceof Problem)) return error;
  const said = sentences(error, zone);
  return said === null ? error : new Error(said, { cause: error });
}

/** Null where one of its numbers was not told. */
function fill(template: string, numbers: Numbers, zone: string): string | null {
  const missing: string[] = [];
  const text = template.replaceAll(/\{([\w|]+)(?::(\w+))?\}/g, (_, names: string, form: string | undefined) => {
    // The ledger's re-check has names of its own for what it sees.
    const value = names.split("|").map((name) => numbers[name]).find((one) => one !== undefined);
    if (value === undefined || value === null || value === "" || value === "missing" || value === "Infinity") {
      missing.push(names);
      return "";
    }
    return shown(typeof value === "string" ? value : JSON.stringify(value), form, zone);
  });
  return missing.length === 0 ? text : null;
}

function shown(value: string, form: string | undefined, zone: string): string {
  if (form === "scope") return SCOPES[value] ?? value;
  if (form === "time") return Number.isNaN(Date.parse(value)) || !value.includes("T") ? value : full(value, zone);
  if (typed(value) === null) return value;
  if (form === "dollars") return dollars(value);
  if (form === "price") return price(value);
  return grouped(value, form === "round" ? { most: 2 } : {});
}
