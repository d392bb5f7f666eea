/** Puts a WebAssembly module together: types, imports, functions, exports and an element segment, as binary. */
import { Bytes } from "./bytes.ts";
import type { Code } from "./code.ts";
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
  readonly #types = new Bytes();
  readonly #typeNumbers = new Map<string, number>();
  readonly #imports = new Bytes();
  #importCount = 0;
  readonly #functions: FunctionEntry[] = [];
  readonly #exports = new Bytes();
  #exportCount = 0;
  #importedFunctions = 0;
  #elements: { readonly offsetGlobal: number; readonly functions: readonly number[] } | null = null;

  /** The number of a function type. */
  type(parameters: readonly ValueType[], results: readonly ValueType[]): number {
    const key = `${parameters.join()} ${results.join()}`;
    let number = this.#typeNumbers.get(key);
    if (number !== undefined) return number;
    number = this.#typeNumbers.size;
    this.#typeNumbers.set(key, number);
    this.#types.push(0x60);
    for (const list of [parameters, results]) {
      this.#types.unsigned(list.length);
      for (const type of list) this.#types.push(valueType[type]);
    }
    return number;
  }

  importMemory(memory: MemoryImport): void {
    this.#import(memory.module, memory.name, [2, memory.shared ? 3 : 0, 0]);
    if (memory.shared) this.#imports.unsigned(LARGEST_MEMORY_PAGES);
  }

  importTable(module: string, name: string): void {
    this.#import(module, name, [1, 0x70, 0, 0]);
  }

  /** An immutable i32 global. */
  importGlobal(module: string, name: string): void {
    this.#import(module, name, [3, valueType.i32, 0]);
  }

  /** Imports come before functions of its own. The function's number. */
  importFunction(module: string, name: string, type: number): number {
    if (this.#functions.length > 0) throw new Error("a function import after a function");
    this.#import(module, name, [0]);
    this.#imports.unsigned(type);
    return this.#importedFunctions++;
  }

  /** The function's number. */
  function(type: number, code: Code): number {
    return this.#importedFunctions + this.#functions.push({ type, code }) - 1;
  }

  exportFunction(name: string, number: number): void {
    this.#exportCount++;
    appendName(this.#exports, name);
    this.#exports.push(0);
    this.#exports.unsigned(number);
  }

  /** Puts functions into table 0 from the place that an imported global holds. */
  elements(offsetGlobal: number, functions: readonly number[]): void {
    this.#elements = { offsetGlobal, functions };
  }

  finish(): Uint8Array<ArrayBuffer> {
    const bodies = new Bytes(4096);
    for (const { code } of this.#functions) code.finish(bodies);
    const bytes = new Bytes(bodies.length + 1024);
    for (const byte of [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]) bytes.push(byte);
    section(bytes, 1, this.#typeNumbers.size, this.#types);
    section(bytes, 2, this.#importCount, this.#imports);
    const types = new Bytes();
    for (const { type } of this.#functions) types.unsigned(type);
    section(bytes, 3, this.#functions.length, types);
    section(bytes, 7, this.#exportCount, this.#exports);
    if (this.#elements !== null) {
      const segment = new Bytes();
      segment.push(0);
      segment.push(0x23);
      segment.unsigned(this.#elements.offsetGlobal);
      segment.push(0x0b);
      segment.unsigned(this.#elements.functions.length);
      for (const number of this.#elements.functions) segment.unsigned(number);
      section(bytes, 9, 1, segment);
    }
    section(bytes, 10, this.#functions.length, bodies);
    return bytes.data.slice(0, bytes.length);
  }

  #import(module: string, name: string, description: readonly number[]): void {
    this.#importCount++;
    appendName(this.#imports, module);
    appendName(this.#imports, name);
    for (const byte of description) this.#imports.push(byte);
  }
}

/** Names are ASCII. */
function appendName(bytes: Bytes, name: string): void {
  bytes.unsigned(name.length);
  for (let index = 0; index < name.length; index++) bytes.push(name.charCodeAt(index));
}

function section(bytes: Bytes, id: number, count: number, entries: Bytes): void {
  if (count === 0) return;
  const counted = new Bytes(8);
  counted.unsigned(count);
  bytes.push(id);
  bytes.unsigned(counted.length + entries.length);
  bytes.appendAll(counted);
  bytes.appendAll(entries);
}
