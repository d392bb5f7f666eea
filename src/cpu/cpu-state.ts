/** The state memory of a CPU: the registers of the running thread, and the permissions of pages where they are checked. */
import { noExclusive, PAGE_SHIFT, PERMISSION_BYTES, PERMISSIONS, STATE_BYTES, stateOffset } from "./state.ts";

const WASM_PAGE = 65536;

export class CpuState {
  /** See stateOffset. */
  readonly state: WebAssembly.Memory = new WebAssembly.Memory({ initial: 1 });
  #view = new DataView(this.state.buffer);
  #thread = new Uint8Array(this.state.buffer, 0, STATE_BYTES);

  constructor() {
    this.clear();
  }

  /** The state memory. */
  get view(): DataView {
    return this.#view;
  }

  get pc(): number {
    return this.view.getUint32(stateOffset.pc, true);
  }
  set pc(address: number) {
    this.view.setUint32(stateOffset.pc, address, true);
  }

  /** Xn, or SP for 31, as an unsigned bigint. */
  x(register: number): bigint {
    return this.view.getBigUint64(8 * register, true);
  }
  setX(register: number, value: bigint | number): void {
    this.view.setBigUint64(8 * register, BigInt.asUintN(64, BigInt(value)), true);
  }
  /** The low half of Xn as a number: for addresses and small values. */
  x32(register: number): number {
    return this.view.getUint32(8 * register, true);
  }

  /** A copy of the thread's registers, and back. */
  saveThread(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#thread);
  }
  /** Copies the thread's registers into STATE_BYTES bytes. */
  saveThreadInto(bytes: Uint8Array): void {
    bytes.set(this.#thread);
  }
  restoreThread(saved: Uint8Array): void {
    this.#thread.set(saved);
  }

  /** Clears the thread's registers, and permits nothing. */
  protected clear(): void {
    if (this.#hasPermissions) this.setPermissions(0, 2 ** 32, 0);
    this.#thread.fill(0);
    this.view.setInt32(stateOffset.exclusiveAddress, noExclusive, true);
  }

  /** What may be done with the pages from `start` to `end`: bits of `permission`. Nothing at first. For the mode "checked". */
  setPermissions(start: number, end: number, permissions: number): void {
    this.makePermissions();
    const bytes = new Uint8Array(this.state.buffer, PERMISSIONS, PERMISSION_BYTES);
    bytes.fill(permissions, Math.floor(start / 2 ** PAGE_SHIFT), Math.ceil(end / 2 ** PAGE_SHIFT));
  }

  get #hasPermissions(): boolean {
    return this.#view.byteLength > PERMISSIONS;
  }

  /** Has the table of permissions, in which nothing is permitted at first. */
  protected makePermissions(): void {
    if (this.#hasPermissions) return;
    this.state.grow(PERMISSION_BYTES / WASM_PAGE);
    this.#view = new DataView(this.state.buffer);
    this.#thread = new Uint8Array(this.state.buffer, 0, STATE_BYTES);
  }
}
