/** What base and cpu need of WebAssembly's JavaScript interface; Node's own types have only part of it. */

declare namespace WebAssembly {
  class Memory {
    constructor(descriptor: { initial: number; maximum?: number; shared?: boolean });
    readonly buffer: ArrayBuffer;
    grow(pages: number): number;
  }
  class Module {
    constructor(bytes: Uint8Array);
  }
  class Instance {
    constructor(module: Module, imports?: Record<string, Record<string, unknown>>);
    readonly exports: Record<string, unknown>;
  }
  class Table {
    constructor(descriptor: { element: "anyfunc"; initial: number; maximum?: number }, value?: unknown);
    readonly length: number;
    grow(count: number, value?: unknown): number;
    set(index: number, value: unknown): void;
    get(index: number): unknown;
  }
  class RuntimeError extends Error {}
  function validate(bytes: Uint8Array): boolean;
}
