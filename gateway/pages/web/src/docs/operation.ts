// One operation: what it takes and answers, and a form that sends it. Made when it is unfolded first.

import { whoAmI } from "../api";
import { element, say, show } from "../dom";
import { showWho } from "../shell";
import { text } from "../texts";
import { bodyOf, lineOf, send } from "./answer";
import { exampleOf } from "./example";
import { bodyFields, parameterFields, type BodyFields, type ParameterFields } from "./fields";
import type { Content, OpenApi, Operation } from "./openapi";
import { json, plain, prose } from "./prose";
import { addressOf, headersOf, missingPlaces, type Filled } from "./request";

/** The operation, folded; `#op-` and its name leads to it. */
export function operationView(operation: Operation, api: OpenApi): HTMLDetailsElement {
  const { operationId, method, path, summary = "" } = operation;
  const view = element(
    "details",
    { class: "operation", id: `op-${operationId}` },
    element(
      "summary",
      {},
      element("span", { class: `method ${method.toLowerCase()}` }, method),
      element("code", {}, path),
      prose(summary),
    ),
  );
  const fill = (): void => {
    view.append(element("div", { class: "unfolded" }, requestForm(operation, api), answersPart(operation, api)));
  };
  view.addEventListener("toggle", fill, { once: true });
  return view;
}

// ---- the request ---------------------------------------------------------------------------------

function requestForm(operation: Operation, api: OpenApi): HTMLFormElement {
  const parameters = parameterFields(operation, api);
  const body = bodyFields(operation, api);
  const fields = [...parameters.fields, ...(body?.fields ?? [])];
  const button = element("button", { type: "submit" }, text("send"));
  const cancel = element("button", { type: "button", class: "secondary", hidden: "" }, text("cancel"));
  const line = element("p", { class: "answer-line", role: "status" });
  const shown = element("div", { class: "answer" });
  const form = element("form", { novalidate: "", autocomplete: "off" }, element("h3", {}, text("request")));
  if (operation.description) form.append(element("p", { class: "note" }, prose(operation.description)));
  if (fields.length === 0) form.append(element("p", { class: "note" }, text("takes_nothing")));
  form.append(...fields, element("p", { class: "actions" }, button, cancel), line, shown);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void submit(operation, { parameters, body, button, cancel, line, shown });
  });
  return form;
}

interface Parts {
  parameters: ParameterFields;
  body: BodyFields | null;
  button: HTMLButtonElement;
  cancel: HTMLButtonElement;
  line: HTMLElement;
  shown: HTMLElement;
}

async function submit({ method, path }: Operation, parts: Parts): Promise<void> {
  const { parameters, body, line, shown } = parts;
  const filled = parameters.read();
  const missing = missingPlaces(filled);
  shown.replaceChildren();
  if (missing.length > 0) return say(line, text("places_missing", { names: missing.join(", ") }));
  const address = addressOf(path, filled);
  const ending = beginWait(parts);
  try {
    const answer = await send(address, { ...requestOf(method, filled, body), signal: ending.signal });
    shown.append(element("p", { class: "address" }, element("code", {}, `${method} ${address}`)), bodyOf(answer));
    say(line, lineOf(answer));
  } catch {
    say(line, text(ending.signal.aborted ? "cancelled" : "unreachable"));
  }
  endWait(parts);
  // It may have begun or ended a session.
  if (method !== "GET") showWho(await whoAmI().catch(() => null));
}

function requestOf(method: string, filled: Filled[], fields: BodyFields | null): RequestInit {
  const headers = headersOf(filled);
  if (!fields) return { method, headers };
  const { body, type } = fields.read();
  return { method, headers: { ...headers, "content-type": type }, body };
}

/** Until it is answered a request may be cancelled, and is not sent again. */
function beginWait({ button, cancel, line }: Parts): AbortController {
  const ending = new AbortController();
  cancel.onclick = () => ending.abort();
  button.disabled = true;
  show(cancel);
  say(line, text("sending"));
  return ending;
}

function endWait({ button, cancel }: Parts): void {
  button.disabled = false;
  // Where the keyboard was must not vanish under it.
  if (document.activeElement === cancel || document.activeElement === document.body) button.focus();
  show(cancel, false);
}

// ---- the answers ---------------------------------------------------------------------------------

function answersPart({ responses }: Operation, api: OpenApi): HTMLElement {
  const rows = Object.entries(responses).map(([status, { description, content = {} }]) =>
    element(
      "div",
      {},
      element("dt", {}, status),
      element("dd", {}, prose(description), ...(status.startsWith("2") ? examples(content, api) : [])),
    ),
  );
  return element("section", {}, element("h3", {}, text("answers")), element("dl", { class: "statuses" }, ...rows));
}

/** For each content type an example where it is text, else its name. */
function examples(content: Content, api: OpenApi): HTMLElement[] {
  return Object.entries(content).map(([type, { schema, example }]) => {
    const value = example ?? (type === "application/json" && schema ? exampleOf(schema, api) : undefined);
    if (value === undefined) return element("p", { class: "note" }, element("code", {}, type));
    const words = typeof value === "string" ? value : json(value);
    return element("details", {}, element("summary", {}, `${text("example")}, ${type}`), plain(words, text("example")));
  });
}
