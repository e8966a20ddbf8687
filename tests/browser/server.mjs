// A real server for a test, with areas, a few sites, a population register and an account of each role.
//
// Environment:
//   TRUYVET_BIN          path of the program `truyvet`; default: `target/release/truyvet` of the repository
//   CHROMIUM             path of Chromium; default: `chromium` on PATH
//   TRUYVET_SCREENSHOTS  folder for screenshots; default: none are made
//
// Everything lies in one new folder, which goes with the server. What was started is ended by its process
// id, also when the tests fail or are stopped.

import { execFile, spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const repository = fileURLToPath(new URL("../..", import.meta.url));
const program = process.env.TRUYVET_BIN ?? path.join(repository, "target/release/truyvet");
const run = promisify(execFile);

export const PASSWORD = "mat khau rat dai 2021";
export const SITE = "HN-01";
export const OTHER_SITE = "HN-02";
export const DEPOT = "BX-01";
export const AIRPORT = "SB-NB";
/** A facility of quarantine in `AWAY`. */
export const FACILITY = "KCL-01";
/** A market with room for three, and one that nobody may enter. */
export const MARKET = "CHO-01";
export const CLOSED = "CHO-02";
/** Phường Hồng Hà, Thành phố Hà Nội. */
export const HOME = "VN25-00097";
/** Phường Sài Gòn, Thành phố Hồ Chí Minh. */
export const AWAY = "VN25-26740";

const SITES = `site,area,name,kind,capacity
${SITE},${HOME},Chốt Cầu Phù Đổng,checkpoint,
${OTHER_SITE},${AWAY},Chốt Pháp Vân,checkpoint,
${DEPOT},${HOME},Bến xe Gia Lâm,bus_station,
${AIRPORT},${HOME},Sân bay Nội Bài,airport,
${FACILITY},${AWAY},Khu cách ly Sài Gòn,facility,
${MARKET},${HOME},Chợ Đồng Xuân,market,3
${CLOSED},${HOME},Chợ Hôm,market,0
`;
const ACCOUNTS = [
  ["officer", "Trần Thị Chốt", "officer", "--site", SITE],
  ["officer-2", "Ngô Văn Xa", "officer", "--site", OTHER_SITE],
  ["depot", "Bùi Thị Bến", "officer", "--site", DEPOT],
  ["airport", "Đinh Thị Sân Bay", "officer", "--site", AIRPORT],
  ["market", "Đinh Thị Chợ", "officer", "--site", MARKET],
  ["closed", "Cao Văn Hôm", "officer", "--site", CLOSED],
  ["ward", "Lê Văn Phường", "ward", "--area", HOME],
  ["ward-away", "Cao Văn Xa", "ward", "--area", AWAY],
  ["health", "Phạm Thị Y Tế", "health", "--area", "VN25-01"],
  ["epidemiologist", "Vũ Văn Dịch Tễ", "epidemiologist", "--area", "VN"],
  ["operator-1", "Đỗ Thị Vận Hành", "operator"],
  ["administrator", "Hoàng Văn Quản Trị", "administrator"],
];

/** Citizens who stand in the population register as they are here. */
export const REGISTERED = [
  { number: "001090012345", name: "Nguyễn Văn An", birth_date: "1990-03-02", sex: "male" },
  { number: "001190023456", name: "Trần Thị Bình", birth_date: "1990-11-20", sex: "female" },
  { number: "001085034567", name: "Lê Hoàng Cường", birth_date: "1985-07-01", sex: "male" },
  { number: "001185045678", name: "Phạm Thu Dung", birth_date: "1985-12-31", sex: "female" },
];

export class Server {
  #place = fs.mkdtempSync(path.join(os.tmpdir(), "truyvet-browser-"));
  #process = null;
  #settings = [];
  #web = "auto";

  /**
   * Starts a server; `settings` are lines for the part `[people]` of its configuration, `web` is its setting
   * `web_listen`.
   */
  static async start(settings = [], web = "auto") {
    const server = new Server();
    running.add(server);
    server.#web = web;
    await server.#prepare(settings);
    await server.launch();
    await Promise.all(ACCOUNTS.map((account) => server.#account(account)));
    return server;
  }

  get url() {
    return this.address.http;
  }

  file(name) {
    return path.join(this.#place, name);
  }

  /** Runs the server on the addresses of its first start, so that browsers find it again. */
  async launch() {
    const { http = "http://127.0.0.1:0", quic = "127.0.0.1:0", web = this.#web } = this.address ?? {};
    this.#writeConfig(web);
    fs.rmSync(this.file("data/server.json"), { force: true });
    const log = fs.openSync(this.file("log"), "a");
    const where = ["--data", this.file("data"), "--config", this.file("config.toml")];
    const listen = ["--http", new URL(http).host, "--quic", quic];
    this.#process = spawn(program, ["serve", ...where, ...listen], { stdio: ["ignore", log, log] });
    fs.closeSync(log);
    this.address = await until(() => this.#ready(), "the server is ready");
  }

  /** Ends the server as a power cut would. */
  async kill() {
    await ended(this.#process, "SIGKILL");
  }

  /** Ends the server, and takes away all that it has written. */
  async stop() {
    await ended(this.#process, "SIGTERM");
    this.remove();
  }

  /** The same at once, when there is no time to wait. */
  remove() {
    if (isRunning(this.#process)) this.#process.kill("SIGKILL");
    fs.rmSync(this.#place, { recursive: true, force: true });
    running.delete(this);
  }

  /** What `truyvet ARGS` prints. Throws when it fails. */
  async truyvet(...args) {
    return (await run(program, args, { maxBuffer: 64 << 20 })).stdout;
  }

  /** All scans of a subject that the engine holds. */
  async trail(subject) {
    const span = ["--from", "2020-01-01T00:00:00Z", "--to", "2199-01-01T00:00:00Z"];
    const answer = await this.truyvet("trace", "trail", "--subject", subject, ...span, "--url", this.url, "--format", "json");
    return JSON.parse(answer).scans;
  }

  /** A number of the gateway's, by its name in the metrics. */
  async number(name) {
    const text = await (await fetch(`${this.url}/metrics`)).text();
    const line = text.split("\n").find((one) => new RegExp(`^truyvet_gateway_${name}(_total)? `).test(one));
    if (line === undefined) throw new Error(`the gateway has no number ${name}`);
    return Number(line.split(" ")[1]);
  }

  /** The one-time code that was sent last. */
  async code() {
    return fs.readFileSync(this.file("data/codes.log"), "utf8").trim().split(/\s/).pop();
  }

  async #prepare(settings) {
    fs.writeFileSync(this.file("sites.csv"), SITES);
    const rows = REGISTERED.map((one) => ["citizen_id", one.number, one.name, one.birth_date, one.sex, HOME].join(","));
    const header = "kind,number,name,birth_date,sex,permanent";
    fs.writeFileSync(this.file("register.csv"), [header, ...rows, ""].join("\n"));
    this.#settings = settings;
    await this.truyvet("import", "--data", this.file("data"), "--areas", "builtin:vn", "--sites", this.file("sites.csv"));
  }

  #writeConfig(web) {
    const register = `register_file = ${JSON.stringify(this.file("register.csv"))}`;
    const gateway = ["[gateway]", `web_listen = ${JSON.stringify(web)}`];
    const lines = [...gateway, "[people]", register, ...this.#settings, ""];
    fs.writeFileSync(this.file("config.toml"), lines.join("\n"));
  }

  #account([account, name, role, ...place]) {
    const args = ["account", "add", account, "--name", name, "--role", role, ...place, "--data", this.file("data")];
    const added = run(program, args);
    added.child.stdin.end(`${PASSWORD}\n`);
    return added;
  }

  #ready() {
    if (!isRunning(this.#process)) throw new Error(`the server ended:\n${fs.readFileSync(this.file("log"), "utf8")}`);
    const written = fs.existsSync(this.file("data/server.json"));
    return written ? JSON.parse(fs.readFileSync(this.file("data/server.json"), "utf8")) : null;
  }
}

/** Waits until `look` gives something, and answers it. */
export async function until(look, what, patienceMs = 20_000) {
  const end = Date.now() + patienceMs;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`waited ${patienceMs / 1000} s in vain until ${what}`);
    await pause(50);
  }
}

function isRunning(child) {
  return child !== null && child.exitCode === null && child.signalCode === null;
}

async function ended(child, signal) {
  if (!isRunning(child)) return;
  const end = new Promise((resolve) => child.once("exit", resolve));
  child.kill(signal);
  await end;
}

const running = new Set();
process.on("exit", () => running.forEach((server) => server.remove()));
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => process.exit(1));
