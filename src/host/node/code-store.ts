/**
 * Keeps translated machine code in a folder between runs. All of it may be lost or damaged at any time and costs no more than
 * translating again: what a file holds is checked by whoever loads it (src/cpu/code-file.ts).
 */
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { join } from "node:path";
import type { CodeStore } from "../../cpu/code-file.ts";

export interface CodeStoreOptions {
  /** Bytes of all files, beyond which the oldest are removed. */
  readonly maximumBytes?: number;
}

const DEFAULT_MAXIMUM_BYTES = 256 << 20;
/** How much is left when files are removed: so that this is not to do for each file. */
const KEPT_PART = 0.75;
const SUFFIX = ".code";
const NAME = /^[0-9a-f]{16}-[0-9a-f]+\.code$/;
/** A file that was read is dated anew if its date is older. */
const TOUCH_AFTER_MILLISECONDS = 3_600_000;
/** Leftovers of a process that was killed while it wrote. */
const ABANDONED_AFTER_MILLISECONDS = 600_000;

export class FolderCodeStore implements CodeStore {
  readonly #folder: string;
  readonly #maximumBytes: number;
  readonly #stamp: string;
  /** Null before the first file is written. */
  #byteLength: number | null = null;
  #written = 0;

  constructor(folder: string, options: CodeStoreOptions = {}) {
    this.#folder = folder;
    this.#maximumBytes = options.maximumBytes ?? DEFAULT_MAXIMUM_BYTES;
    this.#stamp = translatorStamp();
  }

  load(key: string): Uint8Array | null {
    const path = this.#pathOf(key);
    let file: number;
    try {
      file = fs.openSync(path, "r");
    } catch {
      return null;
    }
    try {
      const { mtimeMs, size } = fs.fstatSync(file);
      if (size > this.#maximumBytes) return null;
      const now = Date.now();
      if (now - mtimeMs > TOUCH_AFTER_MILLISECONDS) fs.futimesSync(file, now / 1000, now / 1000);
      return fs.readFileSync(file);
    } catch {
      return null;
    } finally {
      fs.closeSync(file);
    }
  }

  save(key: string, bytes: Uint8Array): void {
    if (bytes.length > this.#maximumBytes * KEPT_PART) return;
    const path = this.#pathOf(key);
    const unfinished = `${path}.${process.pid}.${this.#written++}`;
    try {
      fs.mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
      const before = this.#byteLength ?? this.#clean(this.#maximumBytes);
      this.#byteLength = before + bytes.length - (fs.statSync(path, { throwIfNoEntry: false })?.size ?? 0);
      // Others see the old file or the whole new one.
      fs.writeFileSync(unfinished, bytes, { mode: 0o600, flag: "wx" });
      fs.renameSync(unfinished, path);
      if (this.#byteLength > this.#maximumBytes) this.#byteLength = this.#clean(this.#maximumBytes * KEPT_PART);
    } catch {
      attemptToRemove(unfinished);
    }
  }

  #pathOf(key: string): string {
    return join(this.#folder, `${this.#stamp}-${key}${SUFFIX}`);
  }

  /** Removes leftovers, and the oldest files until this much is left; how much that is. */
  #clean(allowedBytes: number): number {
    const files: { path: string; size: number; date: number }[] = [];
    const now = Date.now();
    for (const name of fs.readdirSync(this.#folder)) {
      const path = join(this.#folder, name);
      const status = fs.lstatSync(path, { throwIfNoEntry: false });
      if (status?.isFile() !== true) continue;
      if (NAME.test(name)) files.push({ path, size: status.size, date: status.mtimeMs });
      else if (name.includes(`${SUFFIX}.`) && now - status.mtimeMs > ABANDONED_AFTER_MILLISECONDS) fs.rmSync(path);
    }
    files.sort((one, other) => one.date - other.date);
    let total = files.reduce((sum, { size }) => sum + size, 0);
    for (const { path, size } of files) {
      if (total <= allowedBytes) break;
      fs.rmSync(path, { force: true });
      total -= size;
    }
    return total;
  }
}

function attemptToRemove(path: string): void {
  try {
    fs.rmSync(path, { force: true });
  } catch {
    // It never was there, or stays.
  }
}

let stamp: string | null = null;

/**
 * Stands for the translator that this is: code of another one is none of ours. From the sources where they are, else from what was
 * bundled of them.
 */
function translatorStamp(): string {
  if (stamp !== null) return stamp;
  const sources = join(import.meta.dirname, "../../cpu");
  const files = fs.existsSync(join(sources, "cpu.ts")) ? filesOf(sources, ".ts") : filesOf(import.meta.dirname, ".js");
  const hash = createHash("sha256");
  for (const path of files) hash.update(fs.readFileSync(path)).update("\0");
  stamp = hash.digest("hex").slice(0, 16);
  return stamp;
}

function filesOf(folder: string, suffix: string): string[] {
  return fs
    .readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(suffix) && !/\.(test|fixture)\./.test(name))
    .sort()
    .map((name) => join(folder, name));
}
