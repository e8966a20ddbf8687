// What the page reads of the server's own description, an OpenAPI 3.1 document, and its operations by tag.

/** As much of JSON Schema as the server writes. */
export interface Schema {
  $ref?: string;
  type?: string | string[];
  format?: string;
  description?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  enum?: unknown[];
  const?: unknown;
  default?: unknown;
  example?: unknown;
  examples?: unknown[];
  minimum?: number;
  allOf?: Schema[];
  oneOf?: Schema[];
  anyOf?: Schema[];
}

export interface Parameter {
  name: string;
  in: "path" | "query" | "header";
  description?: string;
  required?: boolean;
  schema?: Schema;
  example?: unknown;
}

/** A body as one content type has it. */
export interface Media {
  schema?: Schema;
  example?: unknown;
}

export type Content = Record<string, Media>;

interface Described {
  operationId: string;
  tags?: string[];
  summary?: string;
  description?: string;
  parameters?: Parameter[];
  requestBody?: { description?: string; content: Content };
  responses: Record<string, { description: string; content?: Content }>;
}

/** One method of one address. */
export interface Operation extends Described {
  method: string;
  path: string;
}

export interface OpenApi {
  info: { version: string };
  tags?: { name: string; description?: string }[];
  paths: Record<string, Record<string, Described>>;
  components?: { schemas?: Record<string, Schema> };
}

export interface Group {
  tag: string;
  description: string;
  operations: Operation[];
}

/** The operations under the first of their tags, in the order of the document's tags. */
export function groupsOf(api: OpenApi): Group[] {
  const operations = Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, described]) => ({ ...described, method: method.toUpperCase(), path })),
  );
  const groups = (api.tags ?? []).map(({ name, description = name }) => ({
    tag: name,
    description,
    operations: operations.filter(({ tags }) => tags?.[0] === name),
  }));
  return groups.filter((group) => group.operations.length > 0);
}

/** Whether any of an operation's names has this text, in whatever case. */
export function isNamed({ method, path, summary = "", operationId }: Operation, sought: string): boolean {
  const names = `${method} ${path} ${operationId} ${summary}`.toLowerCase();
  return names.includes(sought.trim().toLowerCase());
}

const REFERENCE = "#/components/schemas/";
const REFERENCES_MAX = 16;

/** The schema with what it refers to in its place. Of alternatives the first counts that is not null. */
export function flatten(schema: Schema, api: OpenApi, depth = 0): Schema {
  const { $ref, allOf = [], oneOf = [], anyOf = [], ...own } = schema;
  if (depth > REFERENCES_MAX) return own;
  const chosen = [...oneOf, ...anyOf].find(isSomething);
  const parts = [...namedBy($ref, api), ...allOf, ...(chosen ? [chosen] : [])];
  return [...parts.map((part) => flatten(part, api, depth + 1)), own].reduce(merge, {});
}

/** The objects of which a value is one, all of them flat; none where a schema has no alternatives. */
export function alternativesOf(schema: Schema, api: OpenApi, depth = 0): Schema[] {
  const { $ref, allOf = [], oneOf = [] } = schema;
  if (depth > REFERENCES_MAX) return [];
  const own = oneOf.filter(isSomething);
  const inner = [...namedBy($ref, api), ...allOf, ...own].flatMap((part) => alternativesOf(part, api, depth + 1));
  return [...own.map((one) => flatten(one, api)), ...inner];
}

function namedBy(reference: string | undefined, api: OpenApi): Schema[] {
  const named = reference && api.components?.schemas?.[reference.slice(REFERENCE.length)];
  return named ? [named] : [];
}

function isSomething({ type }: Schema): boolean {
  return type !== "null";
}

function merge(base: Schema, over: Schema): Schema {
  const merged = { ...base, ...over };
  if (base.properties) merged.properties = { ...base.properties, ...over.properties };
  if (base.required) merged.required = [...base.required, ...(over.required ?? [])];
  return merged;
}

/** The type of a flat schema, apart from null; "" where it says none. */
export function typeOf({ type, properties }: Schema): string {
  const types = Array.isArray(type) ? type : type ? [type] : [];
  return types.find((one) => one !== "null") ?? (properties ? "object" : "");
}
