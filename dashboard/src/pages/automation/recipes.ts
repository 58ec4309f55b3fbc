/** What a sender has to send, ready to be copied. */
import type { AutomationSource } from "@/api/schema";

export interface Recipe {
  name: string;
  /** What to do with it. */
  about: string;
  text: string;
}

type Of = Pick<AutomationSource, "kind" | "authentication" | "symbols">;

/** `url` and `secret` stand in the text as names where they are not known any more. */
export function recipes({ kind, authentication, symbols }: Of, url = "$URL"): readonly Recipe[] {
  if (kind === "tradingview") {
    const pine = { name: "Message of a strategy's alert", about: "In the alert's dialog: the address is the webhook URL, this is the message.", text: PINE };
    return authentication === "url_token" ? [pine] : [pine, signed("curl", curl(url, JSON.stringify(alertOf(symbols[0] ?? "SPY"))))];
  }
  const body = JSON.stringify({ event_id: "my-model-1", order: { symbol: symbols[0] ?? "SPY", side: "buy", position_intent: "buy_to_open", quantity: "1" } });
  return authentication === "hmac" ? [signed("curl", curl(url, body))] : [{ name: "curl", about: "The secret stands in the address.", text: `curl "${url}" --data-binary '${body}'` }];
}

function signed(name: string, text: string): Recipe {
  return { name, about: "With the secret in SECRET. The id is yours: the same id is never traded twice.", text };
}

function curl(url: string, body: string): string {
  return [
    `body='${body}'`,
    "at=$(date +%s)",
    `signature=$(printf '%s.%s' "$at" "$body" | openssl dgst -sha256 -hmac "$SECRET" -hex | sed 's/.* //')`,
    `curl "${url}" -H "X-AgentTrader-Timestamp: $at" -H "X-AgentTrader-Signature: $signature" --data-binary "$body"`,
  ].join("\n");
}

const PINE = `{"ticker": "{{ticker}}", "action": "{{strategy.order.action}}", "contracts": "{{strategy.order.contracts}}",
 "market_position": "{{strategy.market_position}}", "prev_market_position": "{{strategy.prev_market_position}}",
 "order_id": "{{strategy.order.id}}", "time": "{{timenow}}"}`;

function alertOf(symbol: string) {
  return { ticker: symbol, action: "buy", contracts: "1", market_position: "long", prev_market_position: "flat", order_id: "Long", time: "2026-12-01T14:30:00Z" };
}
