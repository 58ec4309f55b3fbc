/** Why an event was refused, in a sentence. */
const SENTENCES: Readonly<Record<string, string>> = {
  BAD_SIGNATURE: "There is no signature that fits: another secret, or the body was changed on its way.",
  BAD_TOKEN: "The token in the address is not that of the source.",
  WRONG_NETWORK: "It came from a network that the source does not allow.",
  OUT_OF_WINDOW: "It was more than five minutes early or late.",
  REPLAYED: "It was sent before.",
  MALFORMED: "It is not as an event must be.",
  TOO_MANY_EVENTS: "The source had used up its events of that minute.",
  SOURCE_DISABLED: "The source is disabled.",
  SYMBOL_NOT_ALLOWED: "The source may not trade this symbol.",
  QUANTITY_NOT_ALLOWED: "It asks for more than the source may.",
  STRATEGY_NOT_ACTIVE: "The strategy that its trades are counted to is not active; only what closes is taken.",
  GATE_CLOSED: "Trading is halted.",
  EVENT_ID_REUSED: "Another event had this id.",
  EVENT_ID_NEEDED: "It has no id.",
  EVENT_ID_CONTRADICTS: "Its id in the body is another than the one beside it.",
  QUANTITY_NEEDED: "It does not say how many.",
  READ_ONLY_ROLE: "Its owner may only look.",
  USER_DISABLED: "Its owner is disabled.",
  REFUSED_BEFORE: "It was refused before, and stays so.",
};

/** "SYMBOL_NOT_ALLOWED: symbol=IWM" is a code, a sentence and the numbers. */
export function refusal(text: string): { code: string; sentence: string; numbers: string } {
  const at = text.indexOf(":");
  const code = at < 0 ? text : text.slice(0, at);
  const numbers = at < 0 ? "" : text.slice(at + 1).trim();
  return { code, sentence: SENTENCES[code] ?? "", numbers };
}
