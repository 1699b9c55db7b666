// The functions that a Wasm module exports, with their arguments and results, read from its bytes: JavaScript tells the
// names alone. Reads four sections of the binary format and skips the others; the module is one of ours, or has been
// compiled before, so that what is not as it should be is an Error and no more.

/** An exported function. */
export interface ModuleFunction {
  readonly name: string;
  readonly arity: number;
  readonly returns: boolean;
}

/** The exported functions of the module in `bytes`, sorted by name. */
export function moduleFunctions(bytes: Uint8Array): ModuleFunction[] {
  const reader = new Reader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
  reader.at = HEADER_SIZE;
  let types: Omit<ModuleFunction, "name">[] = [];
  /** The type of each function, imported ones first. */
  const functions: number[] = [];
  const found: ModuleFunction[] = [];
  while (reader.at < bytes.length) {
    const section = reader.u8();
    const end = reader.varint() + reader.at;
    if (section === SECTION_TYPE) types = reader.list(() => readType(reader));
    else if (section === SECTION_IMPORT && reader.varint() > 0) throw new Error("a module of ours imports nothing");
    else if (section === SECTION_FUNCTION) functions.push(...reader.list(() => reader.varint()));
    else if (section === SECTION_EXPORT) {
      reader.list(() => {
        const name = reader.name();
        const isFunction = reader.u8() === EXPORT_FUNCTION;
        const type = types[functions[reader.varint()] ?? -1];
        if (isFunction && type !== undefined) found.push({ name, ...type });
      });
    }
    reader.at = end;
  }
  return found.sort((one, other) => (one.name < other.name ? -1 : 1));
}

function readType(reader: Reader): Omit<ModuleFunction, "name"> {
  reader.u8();
  const arity = reader.list(() => reader.u8()).length;
  return { arity, returns: reader.list(() => reader.u8()).length > 0 };
}

class Reader {
  at = 0;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  u8(): number {
    return this.#bytes.readUInt8(this.at++);
  }

  /** unsigned LEB128 of 32 bits */
  varint(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.u8();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
  }

  name(): string {
    const length = this.varint();
    this.at += length;
    return this.#bytes.toString("utf8", this.at - length, this.at);
  }

  list<Item>(read: () => Item): Item[] {
    return Array.from({ length: this.varint() }, read);
  }
}

/** Magic and version. */
const HEADER_SIZE = 8;
const SECTION_TYPE = 1;
const SECTION_IMPORT = 2;
const SECTION_FUNCTION = 3;
const SECTION_EXPORT = 7;
const EXPORT_FUNCTION = 0;
