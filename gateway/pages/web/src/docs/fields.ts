// The fields of a request: an input for each parameter, and the body.

import { element } from "../dom";
import { text } from "../texts";
import { exampleOf, membersOf, type Extent, type Member } from "./example";
import { flatten, typeOf, type OpenApi, type Operation, type Parameter } from "./openapi";
import { json, prose } from "./prose";
import type { Filled } from "./request";

type Input = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement;

export interface ParameterFields {
  fields: HTMLElement[];
  read(): Filled[];
}

export interface BodyFields {
  fields: HTMLElement[];
  /** What is sent, and its content type. */
  read(): { body: string | File | null; type: string };
}

export function parameterFields({ operationId, parameters = [] }: Operation, api: OpenApi): ParameterFields {
  const inputs = parameters.map((parameter) => inputOf(parameter, api));
  const fields = parameters.map((parameter, i) => fieldOf(parameter, inputs[i] as Input, operationId, api));
  const read = (): Filled[] =>
    parameters.map((parameter, i) => ({ parameter, values: valuesOf(inputs[i] as Input) }));
  return { fields, read };
}

/** A list is typed one value a line; an empty value is one left out. */
function valuesOf(input: Input): string[] {
  const values = input instanceof HTMLTextAreaElement ? input.value.split("\n") : [input.value];
  return values.map((value) => value.trim()).filter(Boolean);
}

function inputOf({ schema = {}, example, required = false }: Parameter, api: OpenApi): Input {
  const flat = flatten(schema, api);
  const type = typeOf(flat);
  const choices = type === "boolean" ? ["true", "false"] : flat.enum?.map(String);
  if (choices) return selectOf(required ? choices : ["", ...choices]);
  if (type === "array") return element("textarea", { rows: "2", spellcheck: "false", autocomplete: "off" });
  const input = element("input", { autocomplete: "off", autocapitalize: "none", spellcheck: "false" });
  if (required) input.value = String(example ?? exampleOf(schema, api) ?? "");
  return input;
}

function selectOf(choices: string[]): HTMLSelectElement {
  return element("select", {}, ...choices.map((choice) => element("option", { value: choice }, choice || "–")));
}

function fieldOf(parameter: Parameter, input: Input, operationId: string, api: OpenApi): HTMLElement {
  const { name, in: place, required, description = "", schema = {}, example } = parameter;
  const id = `${operationId}-${place}-${name}`;
  const hint = element("p", { class: "hint", id: `${id}-hint` }, prose(description));
  const shown = example ?? (required ? undefined : flatten(schema, api).examples?.[0]);
  if (shown !== undefined && !(input instanceof HTMLSelectElement)) hint.append(" ", text("for_example", { example: String(shown) }));
  if (input instanceof HTMLTextAreaElement) hint.append(" ", text("one_a_line"));
  const label = [element("code", {}, name), " ", element("small", {}, `${place}, ${necessity(required)}`)];
  return labelled(id, label, input, hint);
}

function necessity(required = false): string {
  return text(required ? "required" : "optional");
}

/** A field whose label and hint belong to its input. */
function labelled(id: string, label: (Node | string)[], input: Input, hint?: HTMLElement): HTMLElement {
  input.id = id;
  if (hint) input.setAttribute("aria-describedby", hint.id);
  const words = element("label", { class: "label", for: id }, ...label);
  return element("div", { class: "field" }, words, ...(hint ? [hint] : []), input);
}

// ---- the body ------------------------------------------------------------------------------------

const JSON_TYPE = "application/json";

/** JSON is written, anything else is a file. `null` for an operation that takes no body. */
export function bodyFields({ operationId, requestBody }: Operation, api: OpenApi): BodyFields | null {
  if (!requestBody) return null;
  const schema = requestBody.content[JSON_TYPE]?.schema;
  if (!schema) return fileFields(operationId, Object.keys(requestBody.content), requestBody.description);
  const input = element("textarea", { spellcheck: "false", autocapitalize: "none", autocomplete: "off" });
  const fill = (extent: Extent): void => {
    input.value = json(exampleOf(schema, api, extent));
    input.rows = Math.min(BODY_ROWS_MAX, input.value.split("\n").length + 1);
  };
  const filler = (extent: Extent, words: string): HTMLButtonElement => {
    const button = element("button", { type: "button", class: "quiet" }, words);
    button.addEventListener("click", () => fill(extent));
    return button;
  };
  fill("required");
  const fillers = [filler("required", text("fill_required")), filler("all", text("fill_all"))];
  const field = labelled(`${operationId}-body`, [text("body"), " ", element("small", {}, JSON_TYPE)], input);
  const fields = [field, element("p", { class: "actions inline" }, ...fillers), memberList(membersOf(schema, api))];
  return { fields, read: () => ({ body: input.value, type: JSON_TYPE }) };
}

const BODY_ROWS_MAX = 24;

function fileFields(operationId: string, types: string[], description = ""): BodyFields {
  const file = element("input", { type: "file" });
  const hint = element("p", { class: "hint", id: `${operationId}-file-hint` }, prose(description));
  const type = selectOf(types);
  file.addEventListener("change", () => {
    const known = file.files?.[0]?.type ?? "";
    if (types.includes(known)) type.value = known;
  });
  const fields = [
    labelled(`${operationId}-file`, [text("file")], file, hint),
    labelled(`${operationId}-type`, [text("content_type")], type),
  ];
  return { fields, read: () => ({ body: file.files?.[0] ?? null, type: type.value }) };
}

function memberList(members: Member[]): HTMLElement {
  const rows = members.map(({ path, type, required, description }) =>
    element(
      "div",
      {},
      element("dt", {}, element("code", {}, path), " ", element("small", {}, `${type}, ${necessity(required)}`)),
      element("dd", {}, prose(description)),
    ),
  );
  return element("details", {}, element("summary", {}, text("members")), element("dl", { class: "members" }, ...rows));
}
