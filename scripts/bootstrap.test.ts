/** The bootstrap's judgement of whether node_modules holds what the lock file names. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { missingPackages } from "./bootstrap.mjs";

const folder = mkdtempSync(join(tmpdir(), "akuma-bootstrap-"));
after(() => rmSync(folder, { recursive: true }));

function lock(path: string, packages: Record<string, object>): void {
  writeFileSync(join(folder, path), JSON.stringify({ packages }));
}

test("names what is missing, of another version, or deleted; optional packages of other platforms do not count", () => {
  lock("package-lock.json", {
    "": { name: "x" },
    "node_modules/a": { version: "1.0.0" },
    "node_modules/@scope/b": { version: "2.0.0" },
    "node_modules/other-platform": { version: "1.0.0", optional: true },
  });
  assert.deepEqual(missingPackages(folder), ["a", "@scope/b"]);

  mkdirSync(join(folder, "node_modules", "a"), { recursive: true });
  mkdirSync(join(folder, "node_modules", "@scope", "b"), { recursive: true });
  lock("node_modules/.package-lock.json", {
    "node_modules/a": { version: "1.0.0" },
    "node_modules/@scope/b": { version: "1.9.0" },
  });
  assert.deepEqual(missingPackages(folder), ["@scope/b"]);

  lock("node_modules/.package-lock.json", {
    "node_modules/a": { version: "1.0.0" },
    "node_modules/@scope/b": { version: "2.0.0" },
  });
  assert.deepEqual(missingPackages(folder), []);

  rmSync(join(folder, "node_modules", "a"), { recursive: true });
  assert.deepEqual(missingPackages(folder), ["a"]);
});

test("runs the project's Node, passes arguments and hands back its exit code", () => {
  const script = join(import.meta.dirname, "bootstrap.mjs");
  const code = "console.log(process.version, process.argv[1]); process.exit(7)";
  const result = spawnSync(process.execPath, [script, "node", "-e", code, "one"], { encoding: "utf8" });
  assert.equal(result.status, 7, result.stderr);
  assert.match(result.stdout, /^v2[4-9]\.\S+ one\n$/);
});

test("an unknown command is refused with the list of those there are", () => {
  const result = spawnSync(process.execPath, [join(import.meta.dirname, "bootstrap.mjs"), "toString"], {
    encoding: "utf8",
  });
  assert.equal(result.status, 2);
  assert.match(result.stderr, /usage: .*start\|akuma\|test/);
});
