import { describe, expect, test } from "vitest";
import { decodeFrame, parseExact } from "./exact";

describe("exact JSON", () => {
  test("parseExact when an amount has 38 digits then it comes as its text, and small integers as numbers", () => {
    expect(parseExact('{"price": 1234567890123456789012345678.0123456789, "version": 7, "ten": 110.0000000000, "e": 1e3, "big": 9007199254740993, "no": -12}')).toEqual({
      price: "1234567890123456789012345678.0123456789",
      version: 7,
      ten: "110.0000000000",
      e: "1e3",
      big: "9007199254740993",
      no: -12,
    });
  });

  test("parseExact when text looks like a number then it stays text", () => {
    expect(parseExact('["1.50", null, true, [0.1]]')).toEqual(["1.50", null, true, ["0.1"]]);
  });

  test("decodeFrame when a text frame comes then its five parts", () => {
    decodeFrame('["1", "2", "realtime:user:u", "broadcast", {"event": "trades", "payload": {"row": {"price": 0.1}}}]', (frame) => {
      expect(frame).toEqual({ join_ref: "1", ref: "2", topic: "realtime:user:u", event: "broadcast", payload: { event: "trades", payload: { row: { price: "0.1" } } } });
    });
  });

  test("decodeFrame when a broadcast comes as bytes then it is read as one in text", () => {
    const parts = ["realtime:user:u", "trades", "", '{"row": {"price": 0.1}}'].map((text) => new TextEncoder().encode(text));
    const head = Uint8Array.of(4, ...parts.slice(0, 3).map(({ length }) => length), 1);
    const bytes = new Uint8Array(head.length + parts.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const part of [head, ...parts]) {
      bytes.set(part, at);
      at += part.length;
    }
    decodeFrame(bytes.buffer, (frame) => {
      expect(frame).toMatchObject({ topic: "realtime:user:u", event: "broadcast", payload: { type: "broadcast", event: "trades", payload: { row: { price: "0.1" } } } });
    });
  });
});
