// A TCP relay between a page and its gateway that can fail as networks do: cut, refuse, or swallow bytes in one
// direction. It can also speak in the gateway's place, for what a healthy gateway never says.

import { once } from "node:events";
import net from "node:net";

export class TcpProxy {
  connections = 0; // how many were opened so far
  refusing = false;
  #server;
  #pairs = new Set();

  static async start(host, port) {
    const proxy = new TcpProxy();
    proxy.#server = net.createServer((near) => proxy.#accept(near, host, port));
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    proxy.url = `ws://127.0.0.1:${proxy.#server.address().port}/ws`;
    return proxy;
  }

  // Cuts all connections without a close frame.
  cut() {
    for (const { near, far } of this.#pairs) {
      near.destroy();
      far.destroy();
    }
  }

  // From now on the bytes of the open connections are swallowed: those "toGateway", "toPage" or both.
  swallow(...directions) {
    for (const pair of this.#pairs) for (const direction of directions) pair.swallowed.add(direction);
  }

  // Relays them again.
  relay() {
    for (const { swallowed } of this.#pairs) swallowed.clear();
  }

  // One text frame to the page as if from the gateway (RFC 6455 5.2); at most 65 535 bytes.
  say(frame) {
    this.#write(0x81, Buffer.from(JSON.stringify(frame)));
  }

  // A close frame to the page (RFC 6455 5.5.1), and the end of the connection.
  sayClose(code, reason) {
    this.#write(0x88, Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]));
    for (const { near } of this.#pairs) near.end();
  }

  stop() {
    this.cut();
    this.#server.close();
  }

  #write(head, body) {
    const { length } = body;
    const header = length < 126 ? [head, length] : [head, 126, length >> 8, length & 0xff];
    for (const { near } of this.#pairs) near.write(Buffer.concat([Buffer.from(header), body]));
  }

  #accept(near, host, port) {
    this.connections++;
    if (this.refusing) return near.destroy();
    const far = net.connect(port, host);
    const pair = { near, far, swallowed: new Set() };
    this.#pairs.add(pair);
    near.on("data", (bytes) => pair.swallowed.has("toGateway") || far.write(bytes));
    far.on("data", (bytes) => pair.swallowed.has("toPage") || near.write(bytes));
    for (const [socket, other] of [[near, far], [far, near]]) {
      socket.on("error", () => other.destroy()); // the close event follows
      socket.on("end", () => other.end());
      socket.on("close", () => {
        other.destroy();
        this.#pairs.delete(pair);
      });
    }
  }
}
