/** The time zones that the browser knows, found by what a person types: a city, a country's zone, or its short name. */
import { zoneName } from "@/time/times";

export interface Zone {
  id: string;
  /** "America/New York (EST)" */
  name: string;
}

export function zones(): readonly Zone[] {
  const known = Intl.supportedValuesOf("timeZone");
  return [...(known.includes("UTC") ? [] : ["UTC"]), ...known].map((id) => ({ id, name: `${id.replaceAll("_", " ")} (${zoneName(id)})` }));
}

/** Those in which every word that was typed occurs; zones that begin with it come first. */
export function found(all: readonly Zone[], typed: string, most: number): readonly Zone[] {
  const words = typed.toLowerCase().replaceAll("_", " ").split(/\s+/).filter((word) => word !== "");
  const fits = all.filter(({ name }) => words.every((word) => name.toLowerCase().includes(word)));
  const [first = ""] = words;
  const begins = ({ name }: Zone) => name.toLowerCase().split(/[/ (]/).some((part) => part.startsWith(first));
  return [...fits.filter(begins), ...fits.filter((zone) => !begins(zone))].slice(0, most);
}
