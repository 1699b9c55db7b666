// Where the messages of a client go: to each of its sinks whose Topic Filter takes them, and to the "message" event. Until the
// application can listen, which is after connect() has returned, they are held. It also keeps count of the sinks that are
// behind.

import type { Message } from "./api-types.ts";
import type { ClientExports, Core } from "./core.ts";
import { runListener } from "./uncaught.ts";

/** What takes the messages of one Topic Filter. */
export interface Sink {
  readonly topicFilter: string;
  /** False: it wants none for now. */
  readonly listening: boolean;
  push(message: Message): void;
}

export class Dispatch {
  readonly #core: Core<ClientExports>;
  /** Each with the bytes of the filter to match by. */
  readonly #sinks = new Map<Sink, Buffer>();
  /** What has more than it wants, a sink or a part of one. */
  readonly #full = new Set<object>();
  readonly #changed: () => void;
  readonly #emit: (message: Message) => void;
  #held: Message[] | undefined = [];

  /** `changed` is called when `behind` may have. `emit` takes every message. */
  constructor(core: Core<ClientExports>, changed: () => void, emit: (message: Message) => void) {
    this.#core = core;
    this.#changed = changed;
    this.#emit = emit;
  }

  get holding(): boolean {
    return this.#held !== undefined;
  }

  /** Is somebody behind? */
  get behind(): boolean {
    return this.#full.size > 0;
  }

  get sinks(): Iterable<Sink> {
    return this.#sinks.keys();
  }

  add(sink: Sink): void {
    this.#sinks.set(sink, Buffer.from(innerFilter(sink.topicFilter)));
  }

  remove(sink: Sink): void {
    this.#sinks.delete(sink);
  }

  filled(who: object): void {
    this.#full.add(who);
    this.#changed();
  }

  emptied(who: object): void {
    if (this.#full.delete(who)) this.#changed();
  }

  /** `topicName`: that of the message, in bytes. */
  handleMessage(message: Message, topicName: Buffer): void {
    if (this.#held !== undefined) this.#held.push(message);
    else this.#deliver(message, topicName);
  }

  /** The application can listen. */
  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const message of held) runListener(() => this.#deliver(message, Buffer.from(message.topicName)));
  }

  #deliver(message: Message, name: Buffer): void {
    for (const [sink, filter] of this.#sinks) {
      if (!sink.listening) continue;
      this.#core.writeArgument(filter, name);
      if (this.#core.exports.filterMatches(filter.length, name.length)) sink.push(message);
    }
    this.#emit(message);
  }
}

/** The filter of a Shared Subscription is what stands behind its Share Name [MQTT-4.8.2-2]. */
function innerFilter(topicFilter: string): string {
  return /^\$share\/[^/]+\/(.+)$/s.exec(topicFilter)?.[1] ?? topicFilter;
}
