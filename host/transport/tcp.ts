// Network Connections over TCP, and those that come in over a Unix socket.

import { lstatSync, unlinkSync } from "node:fs";
import { connect, createServer, type ListenOptions, type Server, type Socket, type TcpNetConnectOpts } from "node:net";
import type { Connector, Transport, TransportHandlers } from "./transport.ts";

/** Bytes a socket takes before it says it is full. Below a turn's worth of output it would say so every turn. */
const WRITE_BUFFER = 1 << 18;

/** A closing socket has at least this long, and at most twice as long, to send its last bytes. */
const LINGER_MS = 2_000;

/** A socket knows its transport, so that all sockets share four listeners: a broker has ten thousand of them. */
const TRANSPORT = Symbol("transport");
type OwnedSocket = Socket & { [TRANSPORT]: TcpTransport };

class TcpTransport implements Transport {
  readonly #socket: OwnedSocket;
  #handlers: TransportHandlers | undefined;
  #remoteAddress: string | undefined;
  #failure: Error | undefined;

  /** `remoteAddress`: of the other end, if the system has none. */
  constructor(socket: Socket, remoteAddress?: string) {
    this.#socket = Object.assign(socket, { [TRANSPORT]: this });
    this.#remoteAddress = remoteAddress;
  }

  /** Asked of the system only when somebody wants to know, and kept, since a closed socket has none. */
  get remoteAddress(): string {
    this.#remoteAddress ??= `${this.#socket.remoteAddress}:${this.#socket.remotePort}`;
    return this.#remoteAddress;
  }

  start(handlers: TransportHandlers): void {
    this.#handlers = handlers;
    this.#socket.on("data", onData).on("drain", onDrain).on("error", onError).on("close", onClose);
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
    this.#handlers = undefined;
    // Read on, so that bytes in flight do not make the system answer with a reset, which would take our last bytes away.
    this.#socket.resume();
    this.#socket.end();
    linger(this.#socket);
  }

  destroy(): void {
    this.#handlers = undefined;
    this.#socket.destroy();
  }

  handleData(bytes: Uint8Array): void {
    this.#handlers?.bytes(bytes);
  }

  handleDrain(): void {
    this.#handlers?.drained();
  }

  handleError(error: Error): void {
    this.#failure = error;
  }

  handleClose(): void {
    lingering[0].delete(this.#socket);
    lingering[1].delete(this.#socket);
    this.#handlers?.closed(this.#failure);
  }
}

function onData(this: Socket, bytes: Uint8Array): void {
  (this as OwnedSocket)[TRANSPORT].handleData(bytes);
}

function onDrain(this: Socket): void {
  (this as OwnedSocket)[TRANSPORT].handleDrain();
}

function onError(this: Socket, error: Error): void {
  (this as OwnedSocket)[TRANSPORT].handleError(error);
}

function onClose(this: Socket): void {
  (this as OwnedSocket)[TRANSPORT].handleClose();
}

/** Sockets that are closing, those of this period and of the one before: one timer for all. */
let lingering: [Set<Socket>, Set<Socket>] = [new Set(), new Set()];
let sweeping: NodeJS.Timeout | undefined;

function linger(socket: Socket): void {
  lingering[0].add(socket);
  sweeping ??= setInterval(sweep, LINGER_MS).unref();
}

function sweep(): void {
  for (const socket of lingering[1]) socket.destroy();
  lingering = [new Set(), lingering[0]];
  if (lingering[1].size > 0) return;
  clearInterval(sweeping);
  sweeping = undefined;
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

/** Listens on `host`:`port` (0: any free port; host "": all addresses) and hands over every connection. Rejects with the
 *  system's error. */
export function tcpListen(host: string, port: number, accept: (transport: Transport) => void): Promise<Server> {
  // A socket that was reset before we got here has no address any more; it reports its end like any other.
  return listen({ ...(host !== "" && { host }), port }, (socket) => accept(new TcpTransport(socket)));
}

/** The same for a Unix socket. One that a broker has left behind is replaced. */
export async function unixListen(path: string, accept: (transport: Transport) => void): Promise<Server> {
  const start = () =>
    listen({ path, readableAll: true, writableAll: true }, (socket) => accept(new TcpTransport(socket, path)));
  return start().catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== "EADDRINUSE" || !(await isLeftBehind(path))) throw error;
    unlinkSync(path);
    return start();
  });
}

function listen(where: ListenOptions, accept: (socket: Socket) => void): Promise<Server> {
  const server = createServer({ noDelay: true, highWaterMark: WRITE_BUFFER }, accept);
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ ...where, backlog: 1024 }, () => {
      server.removeListener("error", reject);
      // Out of file descriptors: that one connection is not accepted, the others go on.
      server.on("error", (error) => process.emitWarning(`a connection was not accepted: ${error.message}`));
      resolve(server);
    });
  });
}

/** Whether it is a socket on which nobody listens. */
function isLeftBehind(path: string): Promise<boolean> {
  if (!lstatSync(path).isSocket()) return Promise.resolve(false);
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("error", ({ code }: NodeJS.ErrnoException) => resolve(code === "ECONNREFUSED"));
    socket.once("connect", () => {
      socket.destroy();
      resolve(false);
    });
  });
}
