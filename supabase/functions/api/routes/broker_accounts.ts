/** Accounts at brokers: linked, verified, unlinked; a person's to change, a program's to read. */
import { createRoute, z } from "@hono/zod-openapi";
import { signedIn } from "../http/access.ts";
import { empty, json, refusals, security } from "../http/answers.ts";
import type { Api } from "../http/environment.ts";
import { nameOf, once, OnceHeader } from "../http/once.ts";
import { pageOf, pageQuery, readPage } from "../http/paging.ts";
import { notFound } from "../http/problem.ts";
import { changeRow, type Kept, makeRow, oneRow } from "../http/rows.ts";
import { IfMatchHeader, matched, tag } from "../http/versions.ts";
import {
  Balance,
  BrokerAccount,
  BrokerAccountChange,
  LinkVerdict,
  LiveConfirmation,
  LiveConfirmed,
  LiveConsent,
  NewBrokerAccount,
  SealingKey,
  SealingKeyQuery,
} from "../schemas/accounts.ts";
import { Id } from "../schemas/values.ts";

type Account = z.infer<typeof BrokerAccount>;

const COLUMNS = "id,broker,number:account_id,label,is_paper,status,trading_entered_at,data_entered_at,link_state,link_code,link_reason," +
  "link_checked_at,unlinked_at,unlinked_reason,created_at,updated_at,version";
const Which = z.object({ id: Id });
const TAGS = ["broker accounts"];
const acts = { tags: TAGS, security: security() };
const reads = { tags: TAGS, security: security("read") };

const create = createRoute({
  method: "post",
  path: "/broker-accounts",
  operationId: "linkBrokerAccount",
  summary: "Link an account by its number. Nothing is sent on it before a trading credential was entered and verified.",
  ...acts,
  middleware: [signedIn(), once("broker_accounts.create")] as const,
  request: { headers: OnceHeader, body: { required: true, content: { "application/json": { schema: NewBrokerAccount } } } },
  responses: { 201: json(BrokerAccount, "The account, without a credential."), ...refusals(401, 403, 409) },
});

const list = createRoute({
  method: "get",
  path: "/broker-accounts",
  operationId: "listBrokerAccounts",
  summary: "Your accounts, the newest first, unlinked ones among them.",
  ...reads,
  middleware: [signedIn("read")] as const,
  request: { query: z.strictObject({ ...pageQuery, status: z.enum(["active", "unlinked"]).optional() }) },
  responses: { 200: json(pageOf(BrokerAccount, "BrokerAccount"), "One page."), ...refusals(401, 403) },
});

const sealingKey = createRoute({
  method: "get",
  path: "/broker-accounts/sealing-key",
  operationId: "getSealingKey",
  summary: "The public key to seal a credential with, before it is sent.",
  ...reads,
  middleware: [signedIn("read")] as const,
  request: { query: SealingKeyQuery },
  responses: { 200: json(SealingKey, "The newest active key of the purpose."), ...refusals(401, 403, 404) },
});

const get = createRoute({
  method: "get",
  path: "/broker-accounts/{id}",
  operationId: "getBrokerAccount",
  summary: "One account; its ETag is its version.",
  ...reads,
  middleware: [signedIn("read")] as const,
  request: { params: Which },
  responses: { 200: json(BrokerAccount, "The account."), ...refusals(401, 403, 404) },
});

const change = createRoute({
  method: "put",
  path: "/broker-accounts/{id}",
  operationId: "changeBrokerAccount",
  summary: "Enter a sealed credential, for the first time or again, or rename the account. The credential before is gone; a trading one is verified at once.",
  ...acts,
  middleware: [signedIn()] as const,
  request: { params: Which, headers: IfMatchHeader, body: { required: true, content: { "application/json": { schema: BrokerAccountChange } } } },
  responses: { 200: json(BrokerAccount, "The account as it is now."), ...refusals(401, 403, 404, 409, 412, 428) },
});

const unlink = createRoute({
  method: "delete",
  path: "/broker-accounts/{id}",
  operationId: "unlinkBrokerAccount",
  summary: "Unlink the account: its credentials and its consent to live trading are wiped, its history stays. Refused while anything is open on it.",
  ...acts,
  middleware: [signedIn()] as const,
  request: { params: Which, query: z.strictObject({ reason: z.string().trim().min(1).max(500).default("no reason given") }) },
  responses: { 204: empty("It is unlinked."), ...refusals(401, 403, 404, 409) },
});

const relink = createRoute({
  method: "post",
  path: "/broker-accounts/{id}/relink",
  operationId: "relinkBrokerAccount",
  summary: "Use an unlinked account again: its credentials are to be entered anew, live trading to be confirmed anew.",
  ...acts,
  middleware: [signedIn(), once("broker_accounts.relink")] as const,
  request: { params: Which, headers: OnceHeader },
  responses: { 200: json(BrokerAccount, "The account, without a credential."), ...refusals(401, 403, 404, 409) },
});

const verify = createRoute({
  method: "post",
  path: "/broker-accounts/{id}/verify",
  operationId: "verifyBrokerAccount",
  summary: "Have the broker asked again with the credential that is there, where it was refused or not answered. What is verified stays so.",
  ...acts,
  middleware: [signedIn(), once("broker_accounts.verify")] as const,
  request: { params: Which, headers: OnceHeader },
  responses: { 202: json(LinkVerdict, "The broker is being asked; the account says what came of it."), ...refusals(401, 403, 404, 409) },
});

const confirm = createRoute({
  method: "post",
  path: "/broker-accounts/{id}/confirm-live",
  operationId: "confirmLiveTrading",
  summary: "Agree to live trading on a live account for some days: with a second factor, and the account's number typed out.",
  ...acts,
  middleware: [signedIn(), once("broker_accounts.confirm_live")] as const,
  request: { params: Which, headers: OnceHeader, body: { required: true, content: { "application/json": { schema: LiveConsent } } } },
  responses: { 200: json(LiveConfirmed, "Entries may be sent until then."), ...refusals(401, 403, 404, 409) },
});

const withdraw = createRoute({
  method: "post",
  path: "/broker-accounts/{id}/withdraw-live",
  operationId: "withdrawLiveTrading",
  summary: "No more entries on a live account from now on; needs no second factor, and exits still pass.",
  ...acts,
  middleware: [signedIn(), once("broker_accounts.withdraw_live")] as const,
  request: { params: Which, headers: OnceHeader },
  responses: { 204: empty("Nothing that opens is sent any more."), ...refusals(401, 403, 404, 409) },
});

const confirmations = createRoute({
  method: "get",
  path: "/broker-accounts/{id}/live-confirmations",
  operationId: "listLiveConfirmations",
  summary: "Who agreed to live trading on the account and when, and who withdrew it, the newest first: that one counts.",
  ...reads,
  middleware: [signedIn("read")] as const,
  request: { params: Which, query: z.strictObject(pageQuery) },
  responses: { 200: json(pageOf(LiveConfirmation, "LiveConfirmation"), "One page."), ...refusals(401, 403, 404) },
});

const balance = createRoute({
  method: "get",
  path: "/broker-accounts/{id}/balance",
  operationId: "getBalance",
  summary: "What the broker last said of the account's money; 404 while it has said nothing.",
  ...reads,
  middleware: [signedIn("read")] as const,
  request: { params: Which },
  responses: { 200: json(Balance, "In dollars."), ...refusals(401, 403, 404) },
});

function kept(id: string, select = COLUMNS): Kept {
  return { relation: "broker_accounts", what: "account", id, select };
}

export function brokerAccounts(api: Api): void {
  api.openapi(create, async (context) => {
    const { number, ...given } = context.req.valid("json");
    const row = await makeRow<Account>(context, kept(await nameOf(context, "broker account")), { ...given, account_id: number });
    tag(context, row.version);
    return context.json(row, 201);
  });
  api.openapi(list, async (context) => {
    const { limit, cursor, status } = context.req.valid("query");
    const page = await readPage<Account>(context.get("ledger"), "broker_accounts", {
      select: COLUMNS,
      ...(status === undefined ? {} : { status: `eq.${status}` }),
    }, { limit, cursor }, { by: ["created_at", "id"] });
    return context.json(page, 200);
  });
  // Before the one of an id, which would take its name for one.
  api.openapi(sealingKey, async (context) => {
    const { purpose } = context.req.valid("query");
    const [row] = await context.get("ledger").select<z.infer<typeof SealingKey>>("sealing_keys", {
      select: "id,purpose,public_key,registered_at",
      purpose: `eq.${purpose}`,
      status: "eq.active",
      order: "registered_at.desc,id.desc",
      limit: "1",
    });
    if (!row) throw notFound("sealing key", purpose);
    return context.json(row, 200);
  });
  api.openapi(get, async (context) => {
    const row = await oneRow<Account>(context, kept(context.req.valid("param").id));
    tag(context, row.version);
    return context.json(row, 200);
  });
  api.openapi(change, async (context) => {
    const { id } = context.req.valid("param");
    const { label, credential } = context.req.valid("json");
    const version = matched(context);
    await oneRow(context, kept(id, "id"));
    if (credential) {
      await context.get("ledger").call("store_credentials", {
        p_account_id: id,
        p_purpose: credential.purpose,
        p_key_id: credential.key_id,
        p_sealed: credential.sealed,
        ...(version === undefined ? {} : { p_version: version }),
      });
    }
    const row = label === undefined ? await oneRow<Account>(context, kept(id)) : await changeRow<Account>(context, kept(id), { label }, credential !== undefined);
    tag(context, row.version);
    return context.json(row, 200);
  });
  api.openapi(unlink, async (context) => {
    await context.get("ledger").call("unlink_account", { p_account_id: context.req.valid("param").id, p_reason: context.req.valid("query").reason });
    return context.body(null, 204);
  });
  api.openapi(relink, async (context) => {
    const { id } = context.req.valid("param");
    await context.get("ledger").call("relink_account", { p_account_id: id });
    const row = await oneRow<Account>(context, kept(id));
    tag(context, row.version);
    return context.json(row, 200);
  });
  api.openapi(verify, async (context) => {
    const verdict = await context.get("ledger").call<z.infer<typeof LinkVerdict>>("ask_verification", { p_account_id: context.req.valid("param").id });
    return context.json(verdict, 202);
  });
  addConsent(api);
}

function addConsent(api: Api): void {
  api.openapi(confirm, async (context) => {
    const confirmed = await context.get("ledger").call<z.infer<typeof LiveConfirmed>>("confirm_live", {
      p_account_id: context.req.valid("param").id,
      p_phrase: context.req.valid("json").number,
    });
    return context.json(confirmed, 200);
  });
  api.openapi(withdraw, async (context) => {
    await context.get("ledger").call("withdraw_live", { p_account_id: context.req.valid("param").id });
    return context.body(null, 204);
  });
  api.openapi(confirmations, async (context) => {
    const { id } = context.req.valid("param");
    await oneRow(context, kept(id, "id"));
    const page = await readPage<z.infer<typeof LiveConfirmation> & { id: number }>(context.get("ledger"), "live_confirmations", {
      select: "id,action,by_whom,at",
      broker_account_id: `eq.${id}`,
    }, context.req.valid("query"), { by: ["id"] });
    const data = page.data.map(({ action, by_whom, at }) => ({ action, by_whom, at }));
    return context.json({ data, next_cursor: page.next_cursor }, 200);
  });
  api.openapi(balance, async (context) => {
    const { id } = context.req.valid("param");
    const [row] = await context.get("ledger").select<z.infer<typeof Balance>>("account_snapshots", {
      select: "broker_account_id,as_of,cash::text,equity::text,buying_power::text,options_buying_power::text,settled_cash::text,margin_requirement::text",
      broker_account_id: `eq.${id}`,
      order: "as_of.desc",
      limit: "1",
    });
    if (!row) throw notFound("balance", id);
    return context.json(row, 200);
  });
}
