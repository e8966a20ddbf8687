// Values made from a schema: examples to start from, and the list of the fields of a body.

import { alternativesOf, flatten, typeOf, type OpenApi, type Schema } from "./openapi";

/** How deep objects and lists stand in one another; a schema may contain itself. */
const DEPTH_MAX = 8;

/** All fields, or only those that must be there. */
export type Extent = "all" | "required";

/** A value of the schema: the example it gives, else its first choice, else an empty value of its type. */
export function exampleOf(schema: Schema, api: OpenApi, extent: Extent = "all", depth = 0): unknown {
  const flat = flatten(schema, api);
  const given = [flat.const, flat.example, flat.examples?.[0], flat.default, flat.enum?.[0]];
  const known = given.find((value) => value !== undefined);
  if (known !== undefined) return known;
  const within = (inner: Schema): unknown => exampleOf(inner, api, extent, depth + 1);
  switch (typeOf(flat)) {
    case "object":
      return Object.fromEntries(
        fieldsOf(flat, extent, depth).map(([name, field]) => [name, within(field)]),
      );
    case "array":
      return flat.items && depth < DEPTH_MAX ? [within(flat.items)] : [];
    case "integer":
    case "number":
      return flat.minimum ?? 0;
    case "boolean":
      return false;
    case "string":
      return "";
    default:
      return null;
  }
}

function fieldsOf({ properties = {}, required = [] }: Schema, extent: Extent, depth: number): [string, Schema][] {
  if (depth >= DEPTH_MAX) return [];
  return Object.entries(properties).filter(([name]) => extent === "all" || required.includes(name));
}

/** A field within a body. */
export interface Member {
  /** From the body's root, such as `person.documents[].number`. */
  path: string;
  /** Its type and, where it has only some values, these. */
  type: string;
  required: boolean;
  description: string;
}

/** The fields of a schema, each followed by those within it. Those of all alternatives are listed. */
export function membersOf(schema: Schema, api: OpenApi, path = "", depth = 0): Member[] {
  const flat = flatten(schema, api);
  if (flat.items) return membersOf(flat.items, api, `${path}[]`, depth + 1);
  if (depth >= DEPTH_MAX) return [];
  const alternatives = alternativesOf(schema, api);
  const properties: Record<string, Schema> = { ...flat.properties };
  for (const one of alternatives) Object.assign(properties, one.properties);
  const isRequired = (name: string): boolean => {
    const having = alternatives.filter((one) => name in (one.properties ?? {}));
    return (flat.required ?? []).includes(name) && (having.length === 0 || having.length === alternatives.length);
  };
  return Object.entries(properties).flatMap(([name, field]) => {
    const inner = path ? `${path}.${name}` : name;
    const { description = "" } = flatten(field, api);
    const member = { path: inner, type: typeWords(field, api), required: isRequired(name), description };
    return [member, ...membersOf(field, api, inner, depth + 1)];
  });
}

/** The type in the words of JSON Schema, such as `array of string` or `"pass" | "in" | "out"`. */
export function typeWords(schema: Schema, api: OpenApi): string {
  const flat = flatten(schema, api);
  if (flat.enum) return flat.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (flat.items) return `array of ${typeWords(flat.items, api)}`;
  return [typeOf(flat), flat.format === "binary" ? "" : flat.format].filter(Boolean).join(", ");
}
