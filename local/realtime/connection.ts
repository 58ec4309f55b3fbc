// One client's websocket: reads its frames, keeps its channels.

import { randomUUID } from "node:crypto";
import type { WebSocket } from "ws";
import { PUBLIC, Refused, TryAgain, type Authority, type Permissions } from "./authority.ts";
import { readBindings, type Binding } from "./bindings.ts";
import type { Catalogue } from "./catalogue.ts";
import { Channel, TOPIC_PREFIX, type ChannelConfig, type Outlet } from "./channel.ts";
import type { ChangeFeed } from "./changes.ts";
import { BadFrame, decodeBinary, decodeText, encode, type Broadcast, type Frame, type Version } from "./frames.ts";
import type { Hub } from "./hub.ts";
import { isObject, objectAt, stringAt, type JsonObject } from "./json.ts";
import { log, textOf } from "./log.ts";
import type { Replay } from "./replay.ts";
import type { Replication } from "./replication.ts";
import type { Identity } from "./token.ts";

export interface Services {
  readonly authority: Authority;
  readonly catalogue: Catalogue;
  readonly hub: Hub;
  readonly changes: ChangeFeed;
  readonly replication: Replication;
  readonly replay: Replay;
}

const MOST_CHANNELS = 100;
const STREAM_WITHIN_MS = 5000;
// A client that reads more slowly than this is cut off; it comes back and takes a snapshot.
const MOST_UNSENT_BYTES = 16 * 1024 * 1024;
const POLICY_VIOLATION = 1008;

export class Connection implements Outlet {
  readonly version: Version;
  /** Set by any sign of life, cleared by the server's sweep. */
  isAlive = true;
  readonly #socket: WebSocket;
  readonly #apiKey: string;
  readonly #services: Services;
  readonly #channels = new Map<string, Channel>();
  // Frames of one topic are handled in order; a join that waits for the database does not hold up the others.
  readonly #turns = new Map<string, Promise<void>>();
  #isClosed = false;

  constructor(socket: WebSocket, version: Version, apiKey: string, services: Services) {
    this.#socket = socket;
    this.version = version;
    this.#apiKey = apiKey;
    this.#services = services;
    socket.on("message", (data: Buffer, isBinary) => { this.#receive(data, isBinary); });
    socket.on("error", (error) => { log.warning(`a client's socket: ${error.message}`); });
    socket.on("close", () => { this.#close(); });
  }

  send(frame: Frame): void {
    this.sendRaw(encode(this.version, frame));
  }

  sendRaw(frame: string | Buffer): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    if (this.#socket.bufferedAmount > MOST_UNSENT_BYTES) {
      log.warning("a client reads too slowly and is cut off");
      this.#socket.terminate();
      return;
    }
    this.#socket.send(frame);
  }

  terminate(): void {
    this.#socket.terminate();
  }

  /** Ends one of this connection's channels. */
  drop(channel: Channel, event: "phx_error" | "phx_close", payload: JsonObject = {}): void {
    if (this.#channels.get(channel.topic) !== channel) return;
    this.#forget(channel);
    channel.end(event, payload);
  }

  #close(): void {
    this.#isClosed = true;
    for (const channel of [...this.#channels.values()]) this.#forget(channel);
  }

  #forget(channel: Channel): void {
    this.#channels.delete(channel.topic);
    channel.stopWatching();
    this.#services.changes.unsubscribe(channel);
    this.#services.hub.leave(channel);
  }

  #receive(data: Buffer, isBinary: boolean): void {
    this.isAlive = true;
    let frame: Frame;
    let broadcast: Broadcast | null = null;
    try {
      if (isBinary) ({ frame, broadcast } = decodeBinary(data));
      else frame = decodeText(data.toString("utf8"));
    } catch (error) {
      if (!(error instanceof BadFrame)) throw error;
      this.#socket.close(POLICY_VIOLATION, error.message);
      return;
    }
    if (frame.topic === "phoenix") {
      if (frame.event === "heartbeat") this.#reply(frame, "ok", {});
      return;
    }
    this.#inTurn(frame, broadcast);
  }

  #inTurn(frame: Frame, broadcast: Broadcast | null): void {
    const before = this.#turns.get(frame.topic);
    const isQuick = frame.event !== "phx_join" && frame.event !== "access_token";
    if (before === undefined && isQuick) {
      this.#handleQuick(frame, broadcast);
      return;
    }
    const turn = (before ?? Promise.resolve()).then(async () => {
      if (this.#isClosed) return;
      try {
        if (frame.event === "phx_join") await this.#join(frame);
        else if (frame.event === "access_token") await this.#renewToken(frame);
        else this.#handleQuick(frame, broadcast);
      } catch (error) {
        if (!(error instanceof Refused || error instanceof TryAgain)) log.error(`${frame.event}: ${textOf(error)}`);
        const isSaid = error instanceof Refused || error instanceof TryAgain;
        this.#reply(frame, "error", { reason: isSaid ? error.message : "InternalError: see the server's log" });
      }
    });
    this.#turns.set(frame.topic, turn);
    void turn.then(() => {
      if (this.#turns.get(frame.topic) === turn) this.#turns.delete(frame.topic);
    });
  }

  #reply(frame: Frame, status: "ok" | "error", response: JsonObject): void {
    const { joinRef, ref, topic } = frame;
    this.send({ joinRef, ref, topic, event: "phx_reply", payload: { status, response } });
  }

  // --- join, leave, token -------------------------------------------------------------------------------------------

  async #join(frame: Frame): Promise<void> {
    const { authority, catalogue, replication, hub, changes, replay } = this.#services;
    if (!frame.topic.startsWith(TOPIC_PREFIX) || frame.topic === TOPIC_PREFIX) {
      throw new Refused(`TopicNameRequired: a topic is ${TOPIC_PREFIX}<name>`);
    }
    if (!this.#channels.has(frame.topic) && this.#channels.size >= MOST_CHANNELS) {
      throw new Refused(`ChannelRateLimitReached: at most ${MOST_CHANNELS} channels on one connection`);
    }
    const asked = objectAt(frame.payload, "config");
    const identity = await authority.identify(stringAt(frame.payload, "access_token") ?? this.#apiKey);
    const config = channelConfig(asked);
    const name = frame.topic.slice(TOPIC_PREFIX.length);
    const permissions = config.isPrivate ? await this.#permissions(name, identity) : PUBLIC;
    const bindings = await readBindings(asked["postgres_changes"], identity, catalogue);
    if (!(await replication.ready(STREAM_WITHIN_MS))) {
      throw new TryAgain("DatabaseUnavailable: changes are not streaming, try again");
    }
    if (this.#isClosed) return;

    const again = this.#channels.get(frame.topic);
    if (again !== undefined) this.drop(again, "phx_close");
    const presence = objectAt(asked, "presence");
    const access = { identity, permissions };
    const channel = new Channel(this, frame.topic, frame.joinRef, config, access, presence["enabled"] !== false);
    this.#channels.set(frame.topic, channel);
    hub.enter(channel);
    changes.subscribe(channel, bindings);
    channel.watchExpiry(() => { this.#expire(channel, "Token has expired"); });
    this.#welcome(channel, frame, bindings, objectAt(asked, "broadcast")["replication_ready"] === true);
    await replay.send(channel, objectAt(asked, "broadcast")["replay"]);
  }

  #welcome(channel: Channel, frame: Frame, bindings: readonly Binding[], wantsReady: boolean): void {
    const described = bindings.map(({ id, asked }) => ({ ...asked, id }));
    channel.reply(frame.ref, "ok", { postgres_changes: described });
    if (bindings.length > 0) channel.system("ok", "postgres_changes", "Subscribed to PostgreSQL");
    if (wantsReady) channel.system("ok", "system", "Replication connection established");
    if (channel.presenceEnabled && channel.permissions.presence.read) {
      channel.push("presence_state", this.#services.hub.presenceOf(channel));
    }
  }

  async #permissions(name: string, identity: Identity): Promise<Permissions> {
    const permissions = await this.#services.authority.permissions(name, identity);
    if (!permissions.broadcast.read && !permissions.presence.read) {
      throw new Refused(`Unauthorized: You do not have permissions to read from this Channel topic: ${name}`);
    }
    return permissions;
  }

  async #renewToken(frame: Frame): Promise<void> {
    const channel = this.#channels.get(frame.topic);
    const token = stringAt(frame.payload, "access_token");
    if (channel === undefined || token === undefined) return;
    try {
      const identity = await this.#services.authority.identify(token);
      if (channel.config.isPrivate) channel.permissions = await this.#permissions(channel.name, identity);
      channel.identity = identity;
      channel.watchExpiry(() => { this.#expire(channel, "Token has expired"); });
    } catch (error) {
      if (error instanceof TryAgain) {
        channel.system("error", "system", error.message);
        this.drop(channel, "phx_error", { reason: error.message });
      } else if (error instanceof Refused) {
        this.#expire(channel, error.message);
      } else {
        throw error;
      }
    }
  }

  #expire(channel: Channel, reason: string): void {
    if (this.#channels.get(channel.topic) !== channel) return;
    channel.system("error", "system", reason);
    this.drop(channel, "phx_close");
  }

  // --- what a joined channel says -----------------------------------------------------------------------------------

  #handleQuick(frame: Frame, binary: Broadcast | null): void {
    const channel = this.#channels.get(frame.topic);
    if (channel === undefined) {
      this.#reply(frame, "error", { reason: "unmatched topic" });
      return;
    }
    switch (frame.event) {
      case "phx_leave":
        this.#forget(channel);
        this.#reply(frame, "ok", {});
        channel.end("phx_close");
        return;
      case "broadcast":
        this.#broadcast(channel, frame, binary ?? textBroadcast(frame.payload));
        return;
      case "presence":
        this.#presence(channel, frame);
        return;
      default:
        this.#reply(frame, "error", { reason: `UnknownEvent: ${frame.event}` });
    }
  }

  #broadcast(channel: Channel, frame: Frame, broadcast: Broadcast): void {
    const mayWrite = channel.permissions.broadcast.write;
    if (mayWrite) this.#services.hub.broadcast(channel.name, channel.config.isPrivate, broadcast, channel);
    if (!channel.config.acknowledges) return;
    if (mayWrite) channel.reply(frame.ref, "ok", {});
    else channel.reply(frame.ref, "error", { reason: `Unauthorized: may not send on topic: ${channel.name}` });
  }

  #presence(channel: Channel, frame: Frame): void {
    const event = stringAt(frame.payload, "event")?.toLowerCase();
    if (!channel.permissions.presence.write) {
      channel.reply(frame.ref, "error", { reason: `Unauthorized: may not track presence on topic: ${channel.name}` });
      return;
    }
    if (event === "track") {
      const isFirst = !channel.presenceEnabled;
      channel.presenceEnabled = true;
      if (isFirst && channel.permissions.presence.read) {
        channel.push("presence_state", this.#services.hub.presenceOf(channel));
      }
      this.#services.hub.track(channel, objectAt(frame.payload, "payload"));
    } else if (event === "untrack") {
      this.#services.hub.untrack(channel);
    } else {
      channel.reply(frame.ref, "error", { reason: "UnknownPresenceEvent: expected track or untrack" });
      return;
    }
    channel.reply(frame.ref, "ok", {});
  }
}

function channelConfig(asked: JsonObject): ChannelConfig {
  const broadcast = objectAt(asked, "broadcast");
  const key = stringAt(objectAt(asked, "presence"), "key");
  return {
    isPrivate: asked["private"] === true,
    echoes: broadcast["self"] === true,
    acknowledges: broadcast["ack"] === true,
    presenceKey: key === undefined || key === "" ? randomUUID() : key,
  };
}

function textBroadcast(payload: JsonObject): Broadcast {
  const meta = payload["meta"];
  return {
    event: stringAt(payload, "event") ?? "",
    body: JSON.stringify(payload["payload"] ?? {}),
    meta: isObject(meta) ? meta : null,
  };
}
