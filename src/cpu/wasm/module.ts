/** Puts a WebAssembly module together: types, imports, functions, exports and an element segment, as binary. */
import { appendUnsigned, type Code } from "./code.ts";
import { type ValueType, valueType } from "./opcodes.ts";

/** What a memory import must match. A shared memory states a maximum; here always the largest. */
export interface MemoryImport {
  readonly module: string;
  readonly name: string;
  readonly shared: boolean;
}

interface FunctionEntry {
  readonly type: number;
  readonly code: Code;
}

const LARGEST_MEMORY_PAGES = 65536;

export class ModuleBuilder {
  readonly #types: number[][] = [];
  readonly #typeNumbers = new Map<string, number>();
  readonly #imports: number[][] = [];
  readonly #functions: FunctionEntry[] = [];
  readonly #exports: number[][] = [];
  #importedFunctions = 0;
  #elements: { readonly offsetGlobal: number; readonly functions: readonly number[] } | null = null;

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
  function(type: number, code: Code): number {
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
    this.#elements = { offsetGlobal, functions };
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
    if (this.#elements !== null) {
      const segment = [0, 0x23, ...unsigned(this.#elements.offsetGlobal), 0x0b];
      appendUnsigned(segment, this.#elements.functions.length);
      for (const number of this.#elements.functions) appendUnsigned(segment, number);
      section(bytes, 9, [segment]);
    }
    const bodies = this.#functions.map(({ code }) => {
      const body = code.finish();
      const entry = unsigned(body.length);
      for (const byte of body) entry.push(byte);
      return entry;
    });
    section(bytes, 10, bodies);
    return Uint8Array.from(bytes);
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

function section(bytes: number[], id: number, entries: readonly (readonly number[])[]): void {
  if (entries.length === 0) return;
  const content = unsigned(entries.length);
  for (const entry of entries) for (const byte of entry) content.push(byte);
  bytes.push(id);
  appendUnsigned(bytes, content.length);
  for (const byte of content) bytes.push(byte);
}
