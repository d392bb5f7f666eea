/** Puts a WebAssembly module together: types, imports, functions, exports and an element segment, as binary. */
import { appendUnsigned, type Code, writePadded } from "./code.ts";
import { type ValueType, valueType } from "./opcodes.ts";

/** What a memory import must match. A shared memory states a maximum; here always the largest. */
export interface MemoryImport {
  readonly module: string;
  readonly name: string;
  readonly shared: boolean;
}

interface FunctionEntry {
  readonly type: number;
  /** Or a body that is finished. */
  readonly code: Code | Uint8Array;
}

const LARGEST_MEMORY_PAGES = 65536;

export class ModuleBuilder {
  readonly #types: number[][] = [];
  readonly #typeNumbers = new Map<string, number>();
  readonly #imports: number[][] = [];
  readonly #functions: FunctionEntry[] = [];
  readonly #exports: number[][] = [];
  #importedFunctions = 0;
  readonly #elements: number[][] = [];
  #name: string | null = null;
  #bodyOffsets: readonly number[] = [];

  /** The number of a function type. */
  type(parameters: readonly ValueType[], results: readonly ValueType[]): number {
    const bytes = [0x60];
    for (const list of [parameters, results]) {
      appendUnsigned(bytes, list.length);
      for (const type of list) bytes.push(valueType[type]);
    }
    const key = bytes.join();
    let number = this.#typeNumbers.get(key);
    if (number === undefined) {
      number = this.#types.push(bytes) - 1;
      this.#typeNumbers.set(key, number);
    }
    return number;
  }

  importMemory(memory: MemoryImport): void {
    const bytes = this.#importNames(memory.module, memory.name);
    bytes.push(2, memory.shared ? 3 : 0, 0);
    if (memory.shared) appendUnsigned(bytes, LARGEST_MEMORY_PAGES);
    this.#imports.push(bytes);
  }

  importTable(module: string, name: string): void {
    this.#imports.push([...this.#importNames(module, name), 1, 0x70, 0, 0]);
  }

  /** An immutable i32 global. */
  importGlobal(module: string, name: string): void {
    this.#imports.push([...this.#importNames(module, name), 3, valueType.i32, 0]);
  }

  /** Imports come before functions of its own. The function's number. */
  importFunction(module: string, name: string, type: number): number {
    if (this.#functions.length > 0) throw new Error("a function import after a function");
    const bytes = [...this.#importNames(module, name), 0];
    appendUnsigned(bytes, type);
    this.#imports.push(bytes);
    return this.#importedFunctions++;
  }

  /** The function's number. */
  function(type: number, code: Code | Uint8Array): number {
    return this.#importedFunctions + this.#functions.push({ type, code }) - 1;
  }

  exportFunction(name: string, number: number): void {
    const bytes = nameBytes(name);
    bytes.push(0);
    appendUnsigned(bytes, number);
    this.#exports.push(bytes);
  }

  /** Puts functions into table 0 from the place that an imported global holds. */
  elements(offsetGlobal: number, functions: readonly number[]): void {
    this.#addElements([0x23, ...unsigned(offsetGlobal)], functions);
  }

  /** Puts a function into table 0 at a place below 2^27. */
  elementAt(place: number, number: number): void {
    const constant = [0x41, 0, 0, 0, 0, 0];
    writePadded(constant, 1, place);
    this.#addElements(constant, [number]);
  }

  /** The name that stack traces show. */
  name(name: string): void {
    this.#name = name;
  }

  /** Where each function's body (without its length) begins in the module; after finish(). */
  get bodyOffsets(): readonly number[] {
    return this.#bodyOffsets;
  }

  finish(): Uint8Array<ArrayBuffer> {
    const bytes = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
    section(bytes, 1, this.#types);
    section(bytes, 2, this.#imports);
    section(
      bytes,
      3,
      this.#functions.map(({ type }) => unsigned(type)),
    );
    section(bytes, 7, this.#exports);
    section(bytes, 9, this.#elements);
    return this.#withBodies(bytes, this.#name === null ? [] : nameSection(this.#name));
  }

  /** Bodies are most of a module: they are copied as a whole. */
  #withBodies(before: readonly number[], after: readonly number[]): Uint8Array<ArrayBuffer> {
    const bodies = this.#functions.map(({ code }) => (code instanceof Uint8Array ? code : code.finish()));
    if (bodies.length === 0) return Uint8Array.from([...before, ...after]);
    const count = unsigned(bodies.length);
    const lengths = bodies.map((body) => unsigned(body.length));
    const content = bodies.reduce(
      (sum, body, index) => sum + body.length + (lengths[index]?.length ?? 0),
      count.length,
    );
    const header = [10, ...unsigned(content), ...count];
    const result = new Uint8Array(before.length + header.length - count.length + content + after.length);
    result.set(before);
    result.set(header, before.length);
    let at = before.length + header.length;
    const offsets: number[] = [];
    for (const [index, body] of bodies.entries()) {
      const length = lengths[index] as number[];
      result.set(length, at);
      at += length.length;
      offsets.push(at);
      result.set(body, at);
      at += body.length;
    }
    result.set(after, at);
    this.#bodyOffsets = offsets;
    return result;
  }

  #addElements(offset: readonly number[], functions: readonly number[]): void {
    const segment = [0, ...offset, 0x0b];
    appendUnsigned(segment, functions.length);
    for (const number of functions) appendUnsigned(segment, number);
    this.#elements.push(segment);
  }

  #importNames(module: string, name: string): number[] {
    return [...nameBytes(module), ...nameBytes(name)];
  }
}

function unsigned(value: number): number[] {
  const bytes: number[] = [];
  appendUnsigned(bytes, value);
  return bytes;
}

/** Names are ASCII. */
function nameBytes(name: string): number[] {
  const bytes = unsigned(name.length);
  for (let index = 0; index < name.length; index++) bytes.push(name.charCodeAt(index));
  return bytes;
}

/** The custom section "name" with the module's name alone. */
function nameSection(name: string): number[] {
  const text = nameBytes(name);
  const content = [...nameBytes("name"), 0, ...unsigned(text.length), ...text];
  return [0, ...unsigned(content.length), ...content];
}

function section(bytes: number[], id: number, entries: readonly (readonly number[])[]): void {
  if (entries.length === 0) return;
  const content = unsigned(entries.length);
  for (const entry of entries) for (const byte of entry) content.push(byte);
  bytes.push(id);
  appendUnsigned(bytes, content.length);
  for (const byte of content) bytes.push(byte);
}
