// What a host needs of a Network Connection, whatever carries it.

export interface Transport {
  /** For log lines: address and port of the other end, or a name. */
  get remoteAddress(): string;
  /** Takes `bytes`, which it owns from now on. False: its buffer is full, and drained() will be called. */
  write(bytes: Uint8Array): boolean;
  /** Stops and goes on reading. */
  pause(): void;
  resume(): void;
  /** Closes behind what was written. No handler is called any more. */
  end(): void;
  /** Closes at once. No handler is called any more. */
  destroy(): void;
  /** Sets who is told; at once after it was made, and once. */
  start(handlers: TransportHandlers): void;
}

export interface TransportHandlers {
  /** `bytes` may be used until the call returns. */
  bytes(bytes: Uint8Array): void;
  /** There is room to write again. */
  drained(): void;
  /** The other end or the network closed it; `error` if it was not an orderly end. */
  closed(error?: Error): void;
}

/** A connection being opened: resolves with the Transport, or rejects with the system's error. */
export type Connector = (signal: AbortSignal) => Promise<Transport>;
