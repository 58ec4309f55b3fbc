/** The page that shows the OpenAPI document: made here, with no script and nothing from elsewhere. */
import { html } from "hono/html";
import { callers, type Described, METHODS, nameOf, type Operation, type Parameter, type Schema, schemaOf } from "./described.ts";
import { STYLE } from "./style.ts";

type Html = ReturnType<typeof html>;

const styleHash = await hashed(STYLE);

/** What a browser may do on the page: show it with its own style, and nothing else. */
export const DOCS_POLICY = `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

/** The whole page. */
export async function docsPage(described: Described): Promise<string> {
  const tags = byTag(described);
  const schemas = Object.entries(described.components?.schemas ?? {});
  const page = html`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${described.info.title} API</title>
${styleElement()}</head>
<body>
<header><h1>${described.info.title} API <small>${described.info.version}</small></h1><p class="prose">${described.info.description ?? ""}</p>
<p>Base: <code>${described.servers?.[0]?.url ?? ""}</code>. For programs: <a href="openapi.json">openapi.json</a>.</p></header>
<nav aria-label="Resources"><ul>${[...tags.keys()].map((tag) => html`<li><a href="#tag-${tag}">${tag}</a></li>`)}<li><a href="#schemas">schemas</a></li></ul></nav>
<main>
${[...tags].map(([tag, operations]) => html`<section id="tag-${tag}"><h2>${tag}</h2>${operations}</section>`)}
<section id="schemas"><h2>schemas</h2>${schemas.map(([name, schema]) => html`<article id="schema-${name}"><h3>${name}</h3>${shape(schema)}</article>`)}</section>
</main>
</body>
</html>
`;
  return String(await page);
}

/** The text of a style element is not escaped: the hash is of what stands there. */
function styleElement(): Html {
  return html([`<style>${STYLE}</style>`] as unknown as TemplateStringsArray);
}

function byTag(described: Described): Map<string, Html[]> {
  const found = new Map<string, Html[]>();
  for (const [path, methods] of Object.entries(described.paths ?? {})) {
    for (const method of METHODS) {
      const operation = methods[method];
      if (!operation) continue;
      const tag = operation.tags?.[0] ?? "others";
      found.set(tag, [...found.get(tag) ?? [], article(method, path, operation)]);
    }
  }
  return found;
}

function article(method: string, path: string, operation: Operation): Html {
  const id = operation.operationId ?? `${method} ${path}`;
  const body = schemaOf(operation.requestBody);
  const parameters = operation.parameters ?? [];
  return html`<article id="${id}"><h3><span class="method ${method}">${method.toUpperCase()}</span> <code>${path}</code></h3>
<p class="prose">${operation.summary ?? ""}${operation.description ? html`\n${operation.description}` : ""}</p>
<p class="who"><code>${id}</code>, by ${callers(operation)}</p>
${parameters.length > 0 ? html`<h4>Parameters</h4><table>${parameters.map(parameterRow)}</table>` : ""}
${body ? html`<h4>Body</h4>${shape(body)}` : ""}
<h4>Answers</h4><table>${Object.entries(operation.responses ?? {}).map(([status, answer]) => {
    const schema = schemaOf(answer);
    return html`<tr><th>${status}</th><td>${schema ? typed(schema) : "no body"}</td><td>${answer.description}</td></tr>`;
  })}</table></article>`;
}

function parameterRow(parameter: Parameter): Html {
  const schema = parameter.schema ?? {};
  const told = parameter.description ?? schema.description ?? "";
  return html`<tr><th><code>${parameter.name}</code>${parameter.required ? "" : html` <i>optional</i>`}</th>
<td>${parameter.in}: ${typed(schema)}</td><td>${told} ${bounds(schema)}</td></tr>`;
}

/** The fields of an object as a table; of what else there is, its type. */
function shape(schema: Schema): Html {
  const parts = schema.allOf?.map((part) => html`${shape(part)}`) ?? [];
  if (!schema.properties) return parts.length > 0 ? html`${parts}` : html`<p>${typed(schema)} ${bounds(schema)} ${schema.description ?? ""}</p>`;
  const required = new Set(schema.required);
  return html`${parts}<table>${Object.entries(schema.properties).map(([name, field]) =>
    html`<tr><th><code>${name}</code>${required.has(name) ? "" : html` <i>optional</i>`}</th><td>${typed(field)}</td>
<td>${field.description ?? ""} ${bounds(field)}</td></tr>`
  )}</table>`;
}

function typed(schema: Schema): Html {
  const name = nameOf(schema);
  if (name) return html`<a href="#schema-${name}">${name}</a>`;
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return html`${choices.map((one, at) => html`${at > 0 ? " or " : ""}${typed(one)}`)}`;
  if (schema.allOf) return html`${schema.allOf.map((one, at) => html`${at > 0 ? " and " : ""}${typed(one)}`)}`;
  if (schema.enum) return html`<code>${schema.enum.map((one) => JSON.stringify(one)).join(" | ")}</code>`;
  if (schema.const !== undefined) return html`<code>${JSON.stringify(schema.const)}</code>`;
  const words = [schema.type ?? "any"].flat();
  if (words.includes("array") && schema.items) return html`list of ${typed(schema.items)}${words.includes("null") ? " or null" : ""}`;
  if (typeof schema.additionalProperties === "object" && Object.keys(schema.additionalProperties).length > 0 && !schema.properties) {
    return html`object of ${typed(schema.additionalProperties)}`;
  }
  if (schema.properties) return html`object with <code>${Object.keys(schema.properties).join(", ")}</code>`;
  return html`${words.join(" or ")}${schema.format ? ` (${schema.format})` : ""}`;
}

function bounds(schema: Schema): Html {
  const told = [
    schema.minimum === undefined || schema.minimum <= Number.MIN_SAFE_INTEGER ? "" : `at least ${schema.minimum}`,
    schema.maximum === undefined || schema.maximum >= Number.MAX_SAFE_INTEGER ? "" : `at most ${schema.maximum}`,
    schema.minLength === undefined ? "" : `at least ${schema.minLength} characters`,
    schema.maxLength === undefined ? "" : `at most ${schema.maxLength} characters`,
    schema.default === undefined ? "" : `default ${JSON.stringify(schema.default)}`,
  ].filter((part) => part !== "");
  return html`${told.length > 0 ? html`<i>${told.join(", ")}</i>` : ""}${schema.pattern ? html` <code>${schema.pattern}</code>` : ""}`;
}

async function hashed(text: string): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  return btoa(String.fromCharCode(...bytes));
}
