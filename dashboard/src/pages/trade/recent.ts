/** The symbols that were looked at last on this device, the newest first. */
import { z } from "zod";

const KEY = "agenttrader.recent-symbols";
const MOST = 6;
const Symbols = z.array(z.string());

export function recentSymbols(): readonly string[] {
  try {
    const read = Symbols.safeParse(JSON.parse(localStorage.getItem(KEY) ?? "[]"));
    return read.success ? read.data : [];
  } catch {
    return [];
  }
}

export function lookedAt(symbol: string): void {
  try {
    localStorage.setItem(KEY, JSON.stringify([symbol, ...recentSymbols().filter((one) => one !== symbol)].slice(0, MOST)));
  } catch {
    // Storage may be forbidden: then nothing is remembered.
  }
}
