import assert from "node:assert/strict";
import test from "node:test";
import { INTERPRETED, IndirectTargets } from "./indirect-targets.ts";

test("regions that branches to registers connect come as one group, each time it has grown", () => {
  const targets = new IndirectTargets();
  targets.learn(0x1000, 0x1100);
  targets.learn(0x1100, 0x1200);
  targets.learn(0x1200, 0x1100);
  assert.deepEqual(
    targets.takeGrown().map(({ entries }) => entries),
    [[0x1000, 0x1100, 0x1200]],
  );
  assert.deepEqual(targets.takeGrown(), []);
  targets.learn(0x1200, 0x1300);
  assert.deepEqual(targets.takeGrown()[0]?.entries, [0x1000, 0x1100, 0x1200, 0x1300]);
});

test("far targets are other functions, and groups do not grow without end", () => {
  const targets = new IndirectTargets();
  targets.learn(0x1000, 0x1000000);
  assert.deepEqual(targets.takeGrown(), []);
  let translations = 0;
  for (let to = 0x2000; to < 0x6000; to += 4) {
    targets.learn(0x1000, to);
    translations += targets.takeGrown().length;
  }
  assert.ok(translations > 1 && translations <= 8);
  targets.forget();
  targets.learn(0x1000, 0x9000);
  assert.deepEqual(targets.takeGrown()[0]?.entries, [0x1000, 0x9000]);
});

test("interpreted branches join the group nearest before them, and groups that meet become one", () => {
  const targets = new IndirectTargets();
  targets.learn(0x1010 + INTERPRETED, 0x1100);
  assert.deepEqual(targets.takeGrown(), []);
  targets.learn(0x1110 + INTERPRETED, 0x1200);
  assert.deepEqual(targets.takeGrown()[0]?.entries, [0x1100, 0x1200]);
  targets.learn(0x9000, 0x9100);
  targets.learn(0x9100, 0x1200);
  assert.deepEqual(
    targets.takeGrown().map(({ entries }) => entries),
    [[0x9000, 0x9100, 0x1100, 0x1200]],
  );
});
