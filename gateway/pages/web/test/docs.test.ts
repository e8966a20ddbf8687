// The page of the API: examples from schemas, fields of a body, addresses of requests.

import assert from "node:assert/strict";
import { test } from "node:test";

import { exampleOf, membersOf } from "../src/docs/example";
import { groupsOf, isNamed, type OpenApi, type Parameter, type Schema } from "../src/docs/openapi";
import { addressOf, headersOf, missingPlaces } from "../src/docs/request";

const described = { operationId: "declare", tags: ["declarations"], responses: {} };

const api: OpenApi = {
  info: { version: "1" },
  tags: [{ name: "trace" }, { name: "declarations", description: "Declarations" }],
  paths: {
    "/api/v1/declarations": { post: { ...described, summary: "Makes a declaration." } },
    "/api/v1/trace/trail": { get: { ...described, operationId: "trail", tags: ["trace"] } },
  },
  components: {
    schemas: {
      Kind: { type: "string", enum: ["citizen_id", "passport"], description: "A kind of document." },
      Time: { anyOf: [{ type: "integer" }, { type: "string" }], examples: ["2021-08-05T07:00:00+07:00"] },
      Person: {
        type: "object",
        required: ["documents"],
        properties: {
          documents: { type: "array", items: { $ref: "#/components/schemas/Document" } },
          born: { oneOf: [{ type: "null" }, { $ref: "#/components/schemas/Time" }] },
          note: { type: ["string", "null"] },
        },
      },
      Document: {
        type: "object",
        required: ["kind"],
        properties: { kind: { $ref: "#/components/schemas/Kind", description: "Which kind." }, doses: { type: "integer", minimum: 1 } },
      },
      Whom: {
        oneOf: [
          { required: ["pass"], properties: { pass: { type: "string" } } },
          { required: ["token"], properties: { token: { type: "string" } } },
        ],
      },
      Watch: {
        allOf: [{ $ref: "#/components/schemas/Whom" }, { required: ["reason"], properties: { reason: { type: "string" } } }],
      },
      Tree: { type: "object", required: ["within"], properties: { within: { type: "array", items: { $ref: "#/components/schemas/Tree" } } } },
      Ring: { $ref: "#/components/schemas/Ring" },
    },
  },
};

const named = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });

test("an example follows references, takes given examples and first choices, and is empty elsewhere", () => {
  assert.deepEqual(exampleOf(named("Person"), api), {
    documents: [{ kind: "citizen_id", doses: 1 }],
    born: "2021-08-05T07:00:00+07:00",
    note: "",
  });
});

test("an example of what is required leaves the rest out, at every depth", () => {
  assert.deepEqual(exampleOf(named("Person"), api, "required"), { documents: [{ kind: "citizen_id" }] });
});

test("an example joins all parts of a whole and takes the first of alternatives", () => {
  const answer: Schema = {
    allOf: [named("Document"), { type: "object", properties: { cut: { type: "boolean" } } }],
    oneOf: [{ properties: { pass: { type: "string", example: "K7M4" } } }, { properties: { token: { type: "string" } } }],
  };
  assert.deepEqual(exampleOf(answer, api), { kind: "citizen_id", doses: 1, cut: false, pass: "K7M4" });
});

test("an example of a schema that contains itself ends", () => {
  let tree = exampleOf(named("Tree"), api) as { within?: unknown[] } | undefined;
  let levels = 0;
  for (; tree !== undefined; tree = tree.within?.[0] as typeof tree) levels += 1;
  assert.ok(levels > 1 && levels < 10, `${levels} levels`);
  assert.equal(exampleOf(named("Ring"), api), null);
});

test("the fields of a body are listed with their paths, types and own descriptions", () => {
  const members = membersOf(named("Person"), api);
  assert.deepEqual(members.map(({ path }) => path), ["documents", "documents[].kind", "documents[].doses", "born", "note"]);
  assert.deepEqual(members[1], {
    path: "documents[].kind",
    type: '"citizen_id" | "passport"',
    required: true,
    description: "Which kind.",
  });
});

test("the fields of all alternatives are listed, and required where every one has them", () => {
  const members = membersOf(named("Watch"), api);
  assert.deepEqual(members.map(({ path, required }) => [path, required]), [
    ["pass", false],
    ["reason", true],
    ["token", false],
  ]);
});

test("operations stand under their tags in the order of the tags", () => {
  const groups = groupsOf(api).map(({ tag, operations }) => [tag, operations.map(({ method, path }) => `${method} ${path}`)]);
  assert.deepEqual(groups, [
    ["trace", ["GET /api/v1/trace/trail"]],
    ["declarations", ["POST /api/v1/declarations"]],
  ]);
});

test("an operation is found by any of its names, in whatever case", () => {
  const operation = { ...described, summary: "Makes a declaration.", method: "POST", path: "/api/v1/declarations" };
  for (const sought of ["", " post ", "/V1/decl", "makes a"]) assert.ok(isNamed(operation, sought), sought);
  assert.ok(!isNamed(operation, "trail"));
});

test("an address has its places filled and every value of the query, encoded", () => {
  const filled = [
    { parameter: parameter("path", "pass"), values: ["a/b c"] },
    { parameter: parameter("query", "site"), values: ["CẦU", "B&C"] },
    { parameter: parameter("query", "area"), values: [] },
    { parameter: parameter("header", "Idempotency-Key"), values: ["k1"] },
    { parameter: parameter("header", "If-None-Match"), values: [] },
  ];
  assert.equal(addressOf("/passes/{pass}/qr.svg", filled), "/passes/a%2Fb%20c/qr.svg?site=C%E1%BA%A6U&site=B%26C");
  assert.deepEqual(headersOf(filled), { "Idempotency-Key": "k1" });
  assert.equal(addressOf("/status", []), "/status");
});

test("a place in the address without a value is told", () => {
  const filled = [parameter("path", "pass"), parameter("query", "area")].map((one) => ({ parameter: one, values: [] }));
  assert.deepEqual(missingPlaces(filled), ["pass"]);
});

function parameter(kind: Parameter["in"], name: string): Parameter {
  return { in: kind, name };
}
