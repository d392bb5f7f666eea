/** The layer check finds planted breaches of each kind, and passes what is allowed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkModule, emptyFindings, roomOf, rooms } from "./check-layers.ts";

function breachesOf(path: string, source: string): string[] {
  const findings = emptyFindings();
  checkModule(path, source, findings);
  return findings.breaches;
}

test("an import upwards is a breach, whichever way it is written", () => {
  const planted = [
    'import { gate } from "../gate/gate.ts";',
    'import type { Gate } from "../gate/gate.ts";',
    'export * from "../gate/gate.ts";',
    'export { gate } from "../gate/gate.ts";',
    'import "../gate/gate.ts";',
    'const gate = await import("../gate/gate.ts");',
  ];
  for (const source of planted) {
    const breaches = breachesOf("kernel/net/stack.ts", source);
    assert.equal(breaches.length, 1, source);
    assert.match(breaches[0] ?? "", /net does not see gate/);
  }
});

test("what lies below, and what lies beside in the same room, is allowed", () => {
  const source =
    'import { Arena } from "../../base/arena.ts";\nimport { a } from "./tcp/tcp.ts";\nexport const b: number = a;';
  assert.deepEqual(breachesOf("kernel/net/stack.ts", source), []);
  assert.deepEqual(breachesOf("kernel/kernel.ts", 'import { gate } from "./gate/gate.ts";'), []);
});

test("vfs and socket never see each other, programs see libakuma only, the cpu knows no kernel", () => {
  assert.equal(breachesOf("kernel/vfs/a.ts", 'import "../socket/socket-table.ts";').length, 1);
  assert.equal(breachesOf("kernel/socket/a.ts", 'import "../vfs/mount-table.ts";').length, 1);
  assert.equal(breachesOf("user/bin/httpd.ts", 'import "../../abi/errno.ts";').length, 1);
  assert.equal(breachesOf("user/bin/httpd.ts", 'import "../libakuma/net.ts";').length, 0);
  assert.equal(breachesOf("cpu/decode.ts", 'import "../kernel/task/task.ts";').length, 1);
});

test("node: is for the host and the faces only, and nothing leaves src", () => {
  assert.equal(breachesOf("kernel/vfs/a.ts", 'import "node:fs";').length, 1);
  assert.equal(breachesOf("host/node/a.ts", 'import "node:fs";').length, 0);
  assert.match(breachesOf("host/node/a.ts", 'import "../../../scripts/x.ts";')[0] ?? "", /outside src/);
  assert.match(breachesOf("elsewhere/a.ts", "")[0] ?? "", /in no room/);
});

test("clocks, timers and randomness below the host are breaches; computing with a given date is not", () => {
  const planted = [
    "Date.now();",
    "new Date();",
    "Date();",
    "Math.random();",
    "const f = Math.random;",
    "setTimeout(() => {}, 1);",
    "globalThis.setTimeout(f, 1);",
    "performance.now();",
    "crypto.getRandomValues(a);",
  ];
  for (const source of planted) assert.equal(breachesOf("base/a.ts", source).length, 1, source);
  assert.deepEqual(breachesOf("base/a.ts", "new Date(5).toUTCString(); Date.UTC(2026, 1); options.process.id;"), []);
  assert.deepEqual(breachesOf("base/a.ts", "// Date.now() is not allowed\nexport const setTimeout: number = 1;"), []);
  assert.deepEqual(breachesOf("host/clock.ts", "Date.now();"), []);
});

test("a long file is warned about, its comments and blank lines not counted", () => {
  const findings = emptyFindings();
  const comment = `/*\n${"text\n".repeat(500)}*/\n`;
  checkModule("base/a.ts", comment + "\n".repeat(500) + "f();\n".repeat(400), findings);
  assert.deepEqual(findings.warnings, []);
  checkModule("base/b.ts", "f();\n".repeat(401), findings);
  assert.match(findings.warnings[0] ?? "", /src\/base\/b\.ts: 401 lines/);
});

test("a file that does not parse is a breach", () => {
  assert.equal(breachesOf("base/a.ts", "const = ;").length, 1);
});

test("every room is found by its path, and sees only rooms there are and none that sees it", () => {
  for (const room of rooms) {
    assert.equal(roomOf(room.path.replace("*.ts", "x.ts").replace(/\/$/, "/x.ts")), room);
    for (const name of room.sees) {
      const seen = rooms.find((other) => other.name === name);
      assert.ok(seen, `${room.name} sees ${name}, which is no room`);
      assert.ok(!seen.sees.includes(room.name), `${room.name} and ${name} see each other`);
    }
  }
});
