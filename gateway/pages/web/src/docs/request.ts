// The address and the headers of a request, from what was filled in.

import type { Parameter } from "./openapi";

/** A parameter and its values, none of them empty. */
export interface Filled {
  parameter: Parameter;
  values: string[];
}

/** The address with its places filled, and the query: a parameter with several values is repeated. */
export function addressOf(path: string, filled: Filled[]): string {
  const ofKind = (kind: Parameter["in"]): Filled[] => filled.filter(({ parameter }) => parameter.in === kind);
  const places = new Map(ofKind("path").map(({ parameter, values }) => [parameter.name, values[0] ?? ""]));
  const address = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(places.get(name) ?? ""));
  const query = ofKind("query").flatMap(({ parameter, values }) =>
    values.map((value) => `${encodeURIComponent(parameter.name)}=${encodeURIComponent(value)}`),
  );
  return query.length > 0 ? `${address}?${query.join("&")}` : address;
}

export function headersOf(filled: Filled[]): Record<string, string> {
  const headers = filled.filter(({ parameter, values }) => parameter.in === "header" && values.length > 0);
  return Object.fromEntries(headers.map(({ parameter, values }) => [parameter.name, values.join(", ")]));
}

/** The names of places in the address without a value: there is no such address. */
export function missingPlaces(filled: Filled[]): string[] {
  const places = filled.filter(({ parameter, values }) => parameter.in === "path" && values.length === 0);
  return places.map(({ parameter }) => parameter.name);
}
