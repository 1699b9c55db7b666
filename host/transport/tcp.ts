// Network Connections over TCP.

import { connect, createServer, type Server, type Socket, type TcpNetConnectOpts } from "node:net";
import type { Connector, Transport, TransportHandlers } from "./transport.ts";

/** Bytes a socket takes before it says it is full. Below a turn's worth of output it would say so every turn. */
const WRITE_BUFFER = 1 << 18;

/** How long a closing socket may take to send its last bytes. */
const LINGER_MS = 2_000;

class TcpTransport implements Transport {
  readonly #socket: Socket;
  #remoteAddress: string | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Asked of the system only when somebody wants to know, and kept, since a closed socket has none. */
  get remoteAddress(): string {
    this.#remoteAddress ??= `${this.#socket.remoteAddress}:${this.#socket.remotePort}`;
    return this.#remoteAddress;
  }

  start(handlers: TransportHandlers): void {
    let failure: Error | undefined;
    this.#socket.on("data", handlers.bytes);
    this.#socket.on("drain", handlers.drained);
    this.#socket.on("error", (error) => {
      failure = error;
    });
    this.#socket.on("close", () => handlers.closed(failure));
  }

  write(bytes: Uint8Array): boolean {
    return this.#socket.write(bytes);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.#silence();
    // Read on, so that bytes in flight do not make the system answer with a reset, which would take our last bytes away.
    this.#socket.resume();
    this.#socket.end();
    const timer = setTimeout(() => this.#socket.destroy(), LINGER_MS);
    timer.unref();
    this.#socket.once("close", () => clearTimeout(timer));
  }

  destroy(): void {
    this.#silence();
    this.#socket.destroy();
  }

  #silence(): void {
    this.#socket.removeAllListeners("data").removeAllListeners("drain").removeAllListeners("close");
    this.#socket.removeAllListeners("error").on("error", () => {});
  }
}

/** Opens TCP connections to `host`:`port`. */
export function tcpConnector(host: string, port: number): Connector {
  return (signal) =>
    new Promise((resolve, reject) => {
      // Node hands stream options on to the socket; its types do not say so.
      const options: TcpNetConnectOpts & { writableHighWaterMark: number } = {
        host,
        port,
        noDelay: true,
        writableHighWaterMark: WRITE_BUFFER,
      };
      const socket = connect(options);
      const abort = () => socket.destroy(new Error("aborted"));
      const fail = (error: Error) => {
        signal.removeEventListener("abort", abort);
        reject(error);
      };
      signal.addEventListener("abort", abort);
      socket.once("error", fail);
      socket.once("connect", () => {
        signal.removeEventListener("abort", abort);
        socket.removeListener("error", fail);
        resolve(new TcpTransport(socket));
      });
      if (signal.aborted) abort();
    });
}

/** Listens on `host`:`port` (0: any free port) and hands over every connection. Rejects with the system's error. */
export function tcpListen(host: string, port: number, accept: (transport: Transport) => void): Promise<Server> {
  const server = createServer({ noDelay: true, highWaterMark: WRITE_BUFFER }, (socket) => {
    // A socket that was reset before we got here has no address any more; it reports its end like any other.
    accept(new TcpTransport(socket));
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port, backlog: 1024 }, () => {
      server.removeListener("error", reject);
      // Out of file descriptors: that one connection is not accepted, the others go on.
      server.on("error", (error) => process.emitWarning(`a connection was not accepted: ${error.message}`));
      resolve(server);
    });
  });
}
