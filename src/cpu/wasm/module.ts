/** Puts a WebAssembly module together: types, imports, functions, exports and an element segment, as binary. */
import { Bytes } from "./bytes.ts";
import type { Code } from "./code.ts";
import { op, type ValueType, valueType } from "./opcodes.ts";

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
  readonly #types = new Bytes();
  readonly #typeNumbers = new Map<string, number>();
  readonly #imports = new Bytes();
  #importCount = 0;
  readonly #functions: FunctionEntry[] = [];
  readonly #exports = new Bytes();
  #exportCount = 0;
  #importedFunctions = 0;
  readonly #elements = new Bytes();
  #elementCount = 0;
  #name: string | null = null;
  #bodyOffsets: readonly number[] = [];

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
  function(type: number, code: Code | Uint8Array): number {
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
    this.#elementCount++;
    this.#elements.push(0);
    this.#elements.push(op.global_get);
    this.#elements.unsigned(offsetGlobal);
    this.#elements.push(op.end);
    this.#elements.unsigned(functions.length);
    for (const number of functions) this.#elements.unsigned(number);
  }

  /** Puts a function into table 0 at a place. */
  elementAt(place: number, number: number): void {
    this.#elementCount++;
    this.#elements.push(0);
    this.#elements.push(op.i32_const);
    this.#elements.signed32(place);
    this.#elements.push(op.end);
    this.#elements.unsigned(1);
    this.#elements.unsigned(number);
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
    const bodies = new Bytes(4096);
    const offsets: number[] = [];
    for (const { code } of this.#functions) {
      const body = code instanceof Uint8Array ? code : code.finish().body;
      bodies.unsigned(body.length);
      offsets.push(bodies.length);
      bodies.append(body, 0, body.length);
    }
    const bytes = new Bytes(bodies.length + 1024);
    for (const byte of [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]) bytes.push(byte);
    section(bytes, 1, this.#typeNumbers.size, this.#types);
    section(bytes, 2, this.#importCount, this.#imports);
    const types = new Bytes();
    for (const { type } of this.#functions) types.unsigned(type);
    section(bytes, 3, this.#functions.length, types);
    section(bytes, 7, this.#exportCount, this.#exports);
    section(bytes, 9, this.#elementCount, this.#elements);
    section(bytes, 10, this.#functions.length, bodies);
    const bodiesStart = bytes.length - bodies.length;
    this.#bodyOffsets = offsets.map((offset) => bodiesStart + offset);
    if (this.#name !== null) appendModuleName(bytes, this.#name);
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

/** The custom section "name" with nothing but the module's name. */
function appendModuleName(bytes: Bytes, name: string): void {
  const text = new Bytes();
  appendName(text, name);
  const content = new Bytes();
  appendName(content, "name");
  content.push(0);
  content.unsigned(text.length);
  content.appendAll(text);
  bytes.push(0);
  bytes.unsigned(content.length);
  bytes.appendAll(content);
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
