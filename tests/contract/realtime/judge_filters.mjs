// Judges filters as the server does. Standard input: a JSON list of [filter, type name, value]; prints the verdicts.

import { text } from "node:stream/consumers";

const { canonicalCondition, parseFilter, passes } = await import(`${process.env.LOCAL}/realtime/filter.ts`);

const verdicts = [];
for (const [filter, name, value, canonical] of JSON.parse(await text(process.stdin))) {
  const type = { id: 1, name, sqlName: name, category: "", elementId: 0 };
  const conditions = [];
  for (const condition of parseFilter(filter)) {
    conditions.push(await canonicalCondition(condition, type, async (given) => canonical[given] ?? given));
  }
  verdicts.push(passes(conditions, () => value, () => type));
}
console.log(JSON.stringify({ verdicts }));
