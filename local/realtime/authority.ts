// What a caller may do, as Postgres says: the token names a role, the policies on realtime.messages do the rest.

import { isConnectionError, type Sql } from "./database.ts";
import { log, textOf } from "./log.ts";
import { TokenRefused, verify, type Identity } from "./token.ts";

export interface Access {
  readonly read: boolean;
  readonly write: boolean;
}

export interface Permissions {
  readonly broadcast: Access;
  readonly presence: Access;
}

export const PUBLIC: Permissions = { broadcast: { read: true, write: true }, presence: { read: true, write: true } };

/** The caller is refused; the message is the reason that the client is given. */
export class Refused extends Error {
  override readonly name = "Refused";
}

/** Postgres is away; the same question may be answered later. */
export class TryAgain extends Error {
  override readonly name = "TryAgain";
}

export class Authority {
  readonly #sql: Sql;
  readonly #secret: string;
  readonly #knownRoles = new Set<string>();

  constructor(sql: Sql, secret: string) {
    this.#sql = sql;
    this.#secret = secret;
  }

  /** The caller of a token. Throws Refused for a token that is not ours, expired, or names no API role; TryAgain. */
  async identify(token: string): Promise<Identity> {
    const identity = this.verify(token);
    if (!this.#knownRoles.has(identity.role)) {
      const [row] = await this.#ask(
        () => this.#sql<{ known: boolean }[]>`select realtime._known_role(${identity.role}) as known`,
      );
      if (row?.known !== true) throw new Refused(`InvalidJWTToken: role "${identity.role}" does not exist`);
      this.#knownRoles.add(identity.role);
    }
    return identity;
  }

  /** Signature and dates only. Throws Refused. */
  verify(token: string): Identity {
    try {
      return verify(token, this.#secret);
    } catch (error) {
      if (error instanceof TokenRefused) throw new Refused(error.message);
      throw error;
    }
  }

  /** What the policies on realtime.messages give this caller on a private topic. Throws Refused, TryAgain. */
  async permissions(topic: string, identity: Identity): Promise<Permissions> {
    const [row] = await this.#ask(
      () => this.#sql<{ permissions: Permissions }[]>`
        select realtime._permissions(${topic}, ${identity.role},
                                     ${this.#sql.json(identity.claims as never)}) as permissions`,
    );
    if (row === undefined) throw new Refused("Unauthorized: the database gave no permissions");
    return row.permissions;
  }

  async #ask<T>(question: () => PromiseLike<T>): Promise<T> {
    try {
      return await question();
    } catch (error) {
      if (isConnectionError(error)) throw new TryAgain("DatabaseUnavailable: Postgres does not answer, try again");
      // A policy that breaks on this topic (a cast, say) lets nobody in.
      log.warning(`a policy failed: ${textOf(error)}`);
      throw new Refused("Unauthorized: the policies on realtime.messages failed for this topic");
    }
  }
}
