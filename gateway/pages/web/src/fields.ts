// Reads and writes a form as texts by field name, and the fields made of several controls.

import { element } from "./dom";
import type { Values } from "./declaration";
import { language } from "./texts";

type Control = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;

/** What the form holds: ticked boxes of one name are joined by spaces, nothing ticked is "". */
export function readValues(form: HTMLFormElement): Values {
  const values: Values = {};
  for (const control of controlsOf(form)) {
    if (!isTick(control)) values[control.name] = control.value;
    else if (control.checked) values[control.name] = [values[control.name], control.value].filter(Boolean).join(" ");
    else values[control.name] ??= "";
  }
  return values;
}

/** Puts values into the form; fields that `values` does not name stay as they are. */
export function writeValues(form: HTMLFormElement, values: Values): void {
  for (const control of controlsOf(form)) {
    const value = values[control.name];
    if (value === undefined) continue;
    if (isTick(control)) control.checked = value.split(" ").includes(control.value);
    else control.value = value;
  }
  for (const field of form.querySelectorAll<HTMLElement>(".birth-date")) showBirthDate(field);
}

function controlsOf(form: HTMLFormElement): Control[] {
  return ([...form.elements] as Control[]).filter((control) => "name" in control && control.name !== "");
}

function isTick(control: Control): control is HTMLInputElement {
  return control.type === "radio" || control.type === "checkbox";
}

/** Of ticks of one name, "none of these" and another exclude each other: the one just changed holds. */
export function keepNoneAlone(form: HTMLFormElement, changed: HTMLInputElement): void {
  for (const tick of form.querySelectorAll<HTMLInputElement>(`input[name="${changed.name}"]`)) {
    if (changed.checked && (tick.value === "none") !== (changed.value === "none")) tick.checked = false;
  }
}

/** Joins day, month and year into the hidden value; a year alone is a birth date too. */
export function startBirthDate(field: HTMLElement): void {
  field.addEventListener("input", () => {
    const [year, month, day] = partsOf(field).map((part) => part.value.trim());
    hiddenOf(field).value = birthDateOf(year ?? "", month ?? "", day ?? "");
  });
}

/** "1990-03-02", "1990", or what was typed where it is neither, so that it can be told wrong. */
export function birthDateOf(year: string, month: string, day: string): string {
  if (month === "" && day === "") return year;
  return [year, month.padStart(2, "0"), day.padStart(2, "0")].join("-");
}

function showBirthDate(field: HTMLElement): void {
  const values = hiddenOf(field).value.split("-");
  partsOf(field).forEach((part, i) => (part.value = values[i] ?? ""));
}

function partsOf(field: HTMLElement): HTMLInputElement[] {
  return ["year", "month", "day"].map((part) => field.querySelector(`[data-part=${part}]`) as HTMLInputElement);
}

function hiddenOf(field: HTMLElement): HTMLInputElement {
  return field.querySelector("input[type=hidden]") as HTMLInputElement;
}

/** Fills a select with all countries, named by the browser in the page's language. */
export function fillCountries(select: HTMLSelectElement, chosen: string): void {
  const named = COUNTRIES.match(/../g)?.map((code) => ({ code, name: countryName(code) })) ?? [];
  named.sort((a, b) => a.name.localeCompare(b.name, language));
  select.replaceChildren(...named.map(({ code, name }) => element("option", { value: code }, name)));
  select.value = chosen;
}

/** What a country is called; its code, where the browser knows no names. */
export function countryName(code: string): string {
  try {
    return new Intl.DisplayNames([language], { type: "region" }).of(code) ?? code;
  } catch {
    return code;
  }
}

/** ISO 3166 alpha-2. */
const COUNTRIES =
  "ADAEAFAGAIALAMAOARATAUAZBABBBDBEBFBGBHBIBJBNBOBRBSBTBWBYBZCACDCFCGCHCICLCMCNCOCRCUCVCYCZDEDJDKDMDODZECEEEGERESET" +
  "FIFJFMFRGAGBGDGEGHGMGNGQGRGTGWGYHKHNHRHTHUIDIEILINIQIRISITJMJOJPKEKGKHKIKMKNKPKRKWKZLALBLCLILKLRLSLTLULVLYMAMCMD" +
  "MEMGMHMKMLMMMNMOMRMTMUMVMWMXMYMZNANENGNINLNONPNRNZOMPAPEPGPHPKPLPSPTPWPYQARORSRURWSASBSCSDSESGSISKSLSMSNSOSRSSST" +
  "SVSYSZTDTGTHTJTLTMTNTOTRTTTVTWTZUAUGUSUYUZVAVCVEVNVUWSYEZAZMZW";
