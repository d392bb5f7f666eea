/** Machine code out of root file systems of each kind. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { gzipSync } from "node:zlib";
import { dockerImage, file, folder, tar } from "../src/host/node/root/archives.fixture.ts";
import { Kernel } from "../src/index.ts";

const fixtures = join(import.meta.dirname, "fixtures/arm64");
const program = readFileSync(join(fixtures, "fib.elf"));
const expected = readFileSync(join(fixtures, "fib.expected"), "utf8");
const place = mkdtempSync(join(tmpdir(), "akuma-roots-"));
after(() => rmSync(place, { recursive: true }));

const archive = tar(folder("bin/"), file("bin/fib", program, { mode: 0o755 }));
const roots: Record<string, () => string[]> = {
  folder: () => {
    const path = join(place, "folder");
    mkdirSync(join(path, "bin"), { recursive: true });
    writeFileSync(join(path, "bin", "fib"), program, { mode: 0o755 });
    return [path];
  },
  "tar archive": () => [stored(archive)],
  "compressed archive": () => [stored(gzipSync(archive))],
  "image, over a folder": () => {
    mkdirSync(join(place, "below"));
    return [join(place, "below"), stored(dockerImage([gzipSync(archive)]))];
  },
};

function stored(bytes: Uint8Array): string {
  const path = join(place, `archive-${readdirSync(place).length}`);
  writeFileSync(path, bytes);
  return path;
}

for (const [kind, make] of Object.entries(roots)) {
  test(`a program from a root: ${kind}`, async () => {
    await using kernel = await Kernel.boot({ root: make() });
    const { stdout, code } = await (await kernel.spawn("/bin/fib")).output();
    assert.deepEqual([stdout, code], [expected, 0]);
  });
}

test("an executable of the host's, without a root", async () => {
  await using kernel = await Kernel.boot();
  kernel.addFile("/usr/local/bin/fib", join(fixtures, "fib.elf"));
  const { stdout } = await (await kernel.spawn("/usr/local/bin/fib")).output();
  assert.equal(stdout, expected);
});
