// Phoenix frames. Version 2.0.0 is an array `[join_ref, ref, topic, event, payload]` and, for broadcasts, two binary
// kinds; version 1.0.0 is the same as an object (realtime-py speaks it).

import { isObject, type JsonObject } from "./json.ts";

export type Version = "1.0.0" | "2.0.0";

export interface Frame {
  readonly joinRef: string | null;
  readonly ref: string | null;
  readonly topic: string;
  readonly event: string;
  readonly payload: JsonObject;
}

/** A broadcast on its way to subscribers, its payload already in wire form: JSON text, or bytes. */
export interface Broadcast {
  readonly event: string;
  readonly body: string | Buffer;
  readonly meta: JsonObject | null;
}

/** What came in is not a frame. */
export class BadFrame extends Error {
  override readonly name = "BadFrame";
}

const PUSH_KIND = 3;
const BROADCAST_KIND = 4;
const JSON_ENCODING = 1;
const BINARY_ENCODING = 0;
const PUSH_HEADER = 7;

/** Reads a text frame of either version. Throws BadFrame. */
export function decodeText(text: string): Frame {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    throw new BadFrame("the frame is not JSON");
  }
  const [joinRef, ref, topic, event, payload] = Array.isArray(raw)
    ? (raw as unknown[])
    : isObject(raw)
      ? [raw["join_ref"], raw["ref"], raw["topic"], raw["event"], raw["payload"]]
      : [];
  if (typeof topic !== "string" || typeof event !== "string") {
    throw new BadFrame("a frame needs a topic and an event, both text");
  }
  return { joinRef: reference(joinRef), ref: reference(ref), topic, event, payload: isObject(payload) ? payload : {} };
}

function reference(value: unknown): string | null {
  return typeof value === "string" || typeof value === "number" ? String(value) : null;
}

/** A client's binary broadcast push, taken apart. Throws BadFrame. */
export function decodeBinary(bytes: Buffer): { frame: Frame; broadcast: Broadcast } {
  const sizes = bytes.subarray(1, PUSH_HEADER - 1);
  const total = sizes.reduce((sum, size) => sum + size, PUSH_HEADER);
  if (bytes.length < PUSH_HEADER || bytes[0] !== PUSH_KIND || bytes.length < total) {
    throw new BadFrame("a binary frame must be a broadcast push");
  }
  let offset = PUSH_HEADER;
  const [joinRef, ref, topic, event] = Array.from(sizes, (size) =>
    bytes.toString("utf8", offset, (offset += size)),
  ) as [string, string, string, string, string];
  const content = bytes.subarray(total);
  const isJson = bytes[PUSH_HEADER - 1] === JSON_ENCODING;
  let body: string | Buffer = content;
  if (isJson) {
    body = content.toString("utf8");
    try {
      JSON.parse(body);
    } catch {
      throw new BadFrame("the payload of a broadcast push is not JSON");
    }
  }
  return {
    frame: { joinRef: joinRef || null, ref: ref || null, topic, event: "broadcast", payload: {} },
    broadcast: { event, body, meta: null },
  };
}

export function encode(version: Version, frame: Frame): string {
  const { joinRef, ref, topic, event, payload } = frame;
  return version === "2.0.0"
    ? JSON.stringify([joinRef, ref, topic, event, payload])
    : JSON.stringify({ join_ref: joinRef, ref, topic, event, payload });
}

/** The frame of a broadcast, or null where the version cannot carry it (bytes need 2.0.0). */
export function encodeBroadcast(version: Version, topic: string, broadcast: Broadcast): string | Buffer | null {
  const { event, body, meta } = broadcast;
  if (typeof body !== "string") {
    return version === "2.0.0" ? binaryBroadcast(topic, event, body, meta) : null;
  }
  const tail = meta === null ? "" : `,"meta":${JSON.stringify(meta)}`;
  const payload = `{"type":"broadcast","event":${JSON.stringify(event)},"payload":${body}${tail}}`;
  return version === "2.0.0"
    ? `[null,null,${JSON.stringify(topic)},"broadcast",${payload}]`
    : `{"join_ref":null,"ref":null,"topic":${JSON.stringify(topic)},"event":"broadcast","payload":${payload}}`;
}

function binaryBroadcast(topic: string, event: string, body: Buffer, meta: JsonObject | null): Buffer {
  const parts = [topic, event, meta === null ? "" : JSON.stringify(meta)].map((text) => Buffer.from(text, "utf8"));
  const sizes = parts.map((part) => part.length);
  return Buffer.concat([Buffer.from([BROADCAST_KIND, ...sizes, BINARY_ENCODING]), ...parts, body]);
}
