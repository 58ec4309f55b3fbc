/**
 * The Idempotency-Key of an order that is meant. While it is not known what became of one, the same order again is the
 * same intent and goes under the same key, so that a lost answer makes no second order; a known end gives the key free.
 */
import { Problem } from "@/api/problem";
import type { NewOrder } from "@/api/schema";

export class Intents {
  readonly #keys = new Map<string, string>();

  keyOf(order: NewOrder): string {
    const meant = JSON.stringify(order);
    const key = this.#keys.get(meant) ?? crypto.randomUUID();
    this.#keys.set(meant, key);
    return key;
  }

  /** The order is placed. */
  placed(order: NewOrder): void {
    this.#keys.delete(JSON.stringify(order));
  }

  /** A refusal is an end; an answer that is lost, or says to ask again, is none. */
  failed(order: NewOrder, error: unknown): void {
    if (error instanceof Problem && !error.temporary) this.#keys.delete(JSON.stringify(order));
  }
}

/** Of this page's life: whoever looks at another page meanwhile means the same order still. */
export const intents = new Intents();
