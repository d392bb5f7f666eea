import assert from "node:assert/strict";
import { test } from "node:test";
import { ControlGroup } from "../task/control-group.ts";
import type { MachineThread } from "./machine-thread.ts";
import { ReadyThreads } from "./ready-threads.ts";

function makeGroup(): ControlGroup {
  return new ControlGroup({ maximumTasks: 10, maximumMemoryBytes: 10 });
}

/** A thread as far as the order of turns looks at it. */
function makeThread(group: ControlGroup): MachineThread {
  return { process: { group } } as MachineThread;
}

test("groups take turns, and in each its threads, however many there are", () => {
  const ready = new ReadyThreads();
  const [many, one] = [makeGroup(), makeGroup()];
  const threads = Array.from({ length: 100 }, () => makeThread(many));
  const single = makeThread(one);
  for (const thread of threads) ready.add(thread);
  ready.add(single);
  for (let turn = 0; turn < 400; turn++) {
    const thread = ready.take() as MachineThread;
    assert.equal(thread, turn % 2 === 0 ? threads[(turn / 2) % 100] : single);
    thread.process.group.runMilliseconds += 1;
    ready.add(thread);
    assert.equal(ready.size, 101);
  }
});

test("who has run long waits until the other has run as long; who has slept long is first, but not for long", () => {
  const ready = new ReadyThreads();
  const [slow, quick] = [makeGroup(), makeGroup()];
  ready.add(makeThread(slow));
  ready.add(makeThread(quick));
  const ran: ControlGroup[] = [];
  const turns = (count: number): void => {
    for (let turn = 0; turn < count; turn++) {
      const thread = ready.take() as MachineThread;
      const { group } = thread.process;
      ran.push(group);
      group.runMilliseconds += group === slow ? 10 : 1;
      ready.add(thread);
    }
  };
  turns(110);
  assert.equal(ran.filter((group) => group === slow).length, 10);
  const late = makeGroup();
  ready.add(makeThread(late));
  ran.length = 0;
  turns(30);
  assert.equal(ran[0], late);
  assert.ok(ran.filter((group) => group === late).length < 20);
  while (ready.take() !== null);
  assert.equal(ready.size, 0);
});
