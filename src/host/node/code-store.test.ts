import assert from "node:assert/strict";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { SeededRandom } from "../../base/random.ts";
import { CodeCache } from "../../cpu/code-cache.ts";
import { runProgram } from "../../cpu/program.fixture.ts";
import { Kernel } from "./boot.ts";
import { FolderCodeStore } from "./code-store.ts";

const program = fs.readFileSync(join(import.meta.dirname, "../../../test/fixtures/arm64/sha256.elf"));
const expected = fs.readFileSync(join(import.meta.dirname, "../../../test/fixtures/arm64/sha256.expected"), "latin1");

function inFolder(act: (folder: string) => void): void {
  const folder = fs.mkdtempSync(join(tmpdir(), "code-store-"));
  try {
    act(join(folder, "cache"));
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

/** Runs the program with code from a folder, and saves what is new; how many regions were translated. */
function runWith(folder: string): number {
  const cache = new CodeCache({ store: new FolderCodeStore(folder) });
  const { output, code, cpu } = runProgram(program, null, { cache, interpretThreshold: 0 });
  assert.equal(code, 0);
  assert.equal(new TextDecoder().decode(output), expected);
  cache.save();
  return cpu.statistics.regions;
}

test("a second run of a program translates nothing", () => {
  inFolder((folder) => {
    assert.ok(runWith(folder) > 0);
    const files = fs.readdirSync(folder);
    assert.ok(files.length > 0 && files.every((name) => name.endsWith(".code")), files.join());
    assert.equal(runWith(folder), 0);
    assert.deepEqual(fs.readdirSync(folder), files);
  });
});

test("damaged, cut and foreign files only cost time, and are replaced", () => {
  inFolder((folder) => {
    runWith(folder);
    const random = new SeededRandom(3);
    const names = fs.readdirSync(folder);
    for (let round = 0; round < 25; round++) {
      for (const name of names) {
        const path = join(folder, name);
        const bytes = fs.readFileSync(path);
        const at = random.nextUint32() % bytes.length;
        bytes[at] = (bytes[at] as number) ^ (1 + (random.nextUint32() % 255));
        const kinds = [bytes, bytes.subarray(0, at), Buffer.alloc(0), Buffer.alloc(bytes.length, 0xff)];
        fs.writeFileSync(path, kinds[round % kinds.length] as Buffer);
      }
      assert.ok(runWith(folder) > 0);
      assert.equal(runWith(folder), 0);
    }
  });
});

test("the oldest files make room, and leftovers go", () => {
  inFolder((folder) => {
    const store = new FolderCodeStore(folder, { maximumBytes: 10_000 });
    fs.mkdirSync(folder);
    const abandoned = join(folder, "0123456789abcdef-00.code.77.0");
    const foreign = join(folder, "notes.txt");
    for (const path of [abandoned, foreign]) {
      fs.writeFileSync(path, "x");
      fs.utimesSync(path, 1000, 1000);
    }
    for (let number = 0; number < 40; number++) {
      const key = number.toString(16).padStart(2, "0");
      store.save(key, new Uint8Array(1000).fill(number));
      const [name = ""] = fs.readdirSync(folder).filter((other) => other.endsWith(`-${key}.code`));
      fs.utimesSync(join(folder, name), 2000 + number, 2000 + number);
      const total = fs.readdirSync(folder).reduce((sum, other) => sum + fs.statSync(join(folder, other)).size, 0);
      assert.ok(total <= 10_001, `${total} bytes`);
    }
    assert.equal(store.load("00"), null);
    assert.deepEqual(store.load("27"), fs.readFileSync(fs.globSync(join(folder, "*-27.code"))[0] as string));
    assert.equal(fs.existsSync(abandoned), false);
    assert.equal(fs.existsSync(foreign), true);
  });
});

test("where nothing can be written or read nothing fails", () => {
  inFolder((folder) => {
    fs.writeFileSync(folder, "not a folder");
    const store = new FolderCodeStore(folder);
    store.save("00", new Uint8Array(8));
    assert.equal(store.load("00"), null);
    assert.ok(runWith(folder) > 0);
  });
});

test("a kernel keeps what its programs were translated to, and the next one finds it", async () => {
  const parent = fs.mkdtempSync(join(tmpdir(), "code-store-"));
  const folder = join(parent, "cache");
  const threads = fs.readFileSync(join(import.meta.dirname, "../../../test/fixtures/linux/threads.elf"));
  /** How many modules of code the kernel had in the end. */
  const run = async (codeCache: string): Promise<number> => {
    const kernel = await Kernel.boot({ codeCache });
    kernel.core.writeFile("/bin/threads", threads, 0o755);
    const { stdout, code } = await (await kernel.spawn("/bin/threads")).output();
    assert.match(stdout, /^counter 32000$/m);
    assert.equal(code, 7);
    await kernel.shutdown();
    return kernel.core.machines.code.moduleCount;
  };
  try {
    assert.ok((await run(folder)) > 0);
    const files = fs.readdirSync(folder);
    assert.ok(files.length > 0);
    assert.ok((await run(folder)) > 0);
    assert.deepEqual(fs.readdirSync(folder), files);
  } finally {
    fs.rmSync(parent, { recursive: true });
  }
});
