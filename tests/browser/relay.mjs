// A network between a browser and the gateway's address for browsers, that may swallow what it carries.

import dgram from "node:dgram";

/** Forwards UDP packets. */
export class Relay {
  /** "both", "requests" (answers are swallowed) or "nothing". */
  carries = "both";
  /** Is told the length of each packet of a browser, before it is carried. */
  sees = () => undefined;
  #front = dgram.createSocket("udp4");
  /** A socket towards the gateway for each browser's address. */
  #behind = new Map();

  /** A relay to this address of the gateway, "127.0.0.1:PORT". */
  static async to(address) {
    const relay = new Relay();
    relay.target = Number(address.split(":").pop());
    relay.#front.on("message", (packet, { port }) => relay.#request(packet, port));
    await new Promise((resolve) => relay.#front.bind(0, "127.0.0.1", resolve));
    return relay;
  }

  /** Which addresses a browser is to reach through it. `url`: of the server. */
  rules(url) {
    const own = new URL(url).host;
    const through = `127.0.0.1:${this.#front.address().port}`;
    return `MAP 127.0.0.1:${this.target} ${through}, MAP ${own} ${own}, MAP * ~NOTFOUND`;
  }

  close() {
    for (const socket of [this.#front, ...this.#behind.values()]) socket.close();
  }

  #request(packet, port) {
    if (this.carries === "nothing") return;
    this.sees(packet.length);
    this.#towardsGateway(port).send(packet, this.target, "127.0.0.1");
  }

  #towardsGateway(port) {
    const known = this.#behind.get(port);
    if (known) return known;
    const socket = dgram.createSocket("udp4");
    socket.on("message", (packet) => {
      if (this.carries === "both") this.#front.send(packet, port, "127.0.0.1");
    });
    socket.on("error", () => undefined);
    this.#behind.set(port, socket);
    return socket;
  }
}
