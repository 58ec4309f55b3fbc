/** What a list is narrowed to, as PostgREST writes it; what the caller leaves out narrows nothing. */
import { z } from "@hono/zod-openapi";
import { GivenTime } from "../schemas/values.ts";

/** The query parameters of a list that is narrowed by time: from that moment on, and before the other. */
export const timeRange = {
  from: GivenTime.optional().openapi({ description: "From then on." }),
  until: GivenTime.optional().openapi({ description: "Before then." }),
};

/** The same of exchange dates: both are part of the range. */
export const dayRange = {
  from: z.iso.date().optional().openapi({ description: "First exchange date." }),
  until: z.iso.date().optional().openapi({ description: "Last exchange date, itself included." }),
};

interface Range {
  from?: string | undefined;
  until?: string | undefined;
}

/** Rows whose column is the value. */
export function is(value: string | number | boolean | undefined): string | undefined {
  return value === undefined ? undefined : `eq.${value}`;
}

/** Rows whose time is within the range. */
export function within({ from, until }: Range): string[] {
  return [...(from === undefined ? [] : [`gte.${from}`]), ...(until === undefined ? [] : [`lt.${until}`])];
}

/** Rows whose date is within the range. */
export function onDays({ from, until }: Range): string[] {
  return [...(from === undefined ? [] : [`gte.${from}`]), ...(until === undefined ? [] : [`lte.${until}`])];
}
