/** Symbols as a person types them. */
const SYMBOL = /^[A-Z0-9][A-Z0-9./-]{0,31}$/;

/** "spy, iwm" are SPY and IWM, each once. */
export function symbolsOf(text: string): readonly string[] {
  return [...new Set(text.toUpperCase().split(/[\s,;]+/).filter((word) => word !== ""))];
}

/** What is wrong with them, or null. */
export function symbolsProblem(symbols: readonly string[], most: number): string | null {
  if (symbols.length === 0) return "Name at least one symbol, such as SPY.";
  if (symbols.length > most) return `At most ${most} symbols; these are ${symbols.length}.`;
  const bad = symbols.find((symbol) => !SYMBOL.test(symbol));
  return bad === undefined ? null : `${bad} is no symbol.`;
}
