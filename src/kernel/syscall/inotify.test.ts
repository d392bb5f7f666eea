/** inotify(7): events of a rename, waiting readers, and bounds. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EACCES, EINVAL } from "../../abi/errno.ts";
import { O_CREAT, O_RDWR } from "../../abi/file.ts";
import {
  IN_CLOSE_WRITE,
  IN_CREATE,
  IN_IGNORED,
  IN_MODIFY,
  IN_MOVED_FROM,
  IN_MOVED_TO,
  IN_NONBLOCK,
  IN_Q_OVERFLOW,
} from "../../abi/inotify.ts";
import { Guest } from "../vfs/guest.fixture.ts";
import { QUEUED_EVENTS_MAXIMUM } from "../vfs/inotify-file.ts";

const [INIT, ADD, REMOVE, SETUID] = [26, 27, 28, 146];

interface Event {
  watch: number;
  mask: number;
  cookie: number;
  name: string;
}

function watch(guest: Guest, path: string, mask: number, fd = guest.call(INIT, IN_NONBLOCK)): number {
  assert.ok(guest.call(ADD, fd, guest.path(path), mask) > 0);
  return fd;
}

function events(guest: Guest, fd: number): Event[] {
  const bytes = guest.read(fd);
  if (typeof bytes === "number") return [];
  const view = new DataView(bytes.buffer);
  const found: Event[] = [];
  for (let at = 0; at < bytes.length; at += 16 + view.getUint32(at + 12, true)) {
    const name = new TextDecoder().decode(bytes.subarray(at + 16, at + 16 + view.getUint32(at + 12, true)));
    found.push({
      watch: view.getInt32(at, true),
      mask: view.getUint32(at + 4, true),
      cookie: view.getUint32(at + 8, true),
      name: name.replace(/\0+$/, ""),
    });
  }
  return found;
}

test("the two events of a rename share a cookie", () => {
  const guest = new Guest();
  guest.mkdir("/a");
  guest.mkdir("/b");
  guest.put("/a/f", "text");
  const fd = watch(guest, "/a", IN_MOVED_FROM | IN_MOVED_TO);
  watch(guest, "/b", IN_MOVED_FROM | IN_MOVED_TO, fd);
  assert.equal(guest.rename("/a/f", "/b/g"), 0);
  assert.equal(guest.rename("/b/g", "/b/h"), 0);
  const [first, second, third, fourth, ...rest] = events(guest, fd);
  assert.deepEqual(rest, []);
  assert.deepEqual([first?.watch, first?.mask, first?.name], [1, IN_MOVED_FROM, "f"]);
  assert.deepEqual([second?.watch, second?.mask, second?.name], [2, IN_MOVED_TO, "g"]);
  assert.equal(first?.cookie, second?.cookie);
  assert.notEqual(second?.cookie, third?.cookie);
  assert.equal(third?.cookie, fourth?.cookie);
});

test("a reader waits until something happens", async () => {
  const guest = new Guest();
  const fd = watch(guest, "/", IN_CREATE, guest.call(INIT, 0));
  const waiting = guest.callAny(63, [fd, 0x8000, 512]);
  assert.ok(typeof waiting !== "number");
  guest.open("/new", O_CREAT | O_RDWR);
  guest.run();
  assert.equal(await waiting, 32);
});

test("files of the same inode are one, whichever name or descriptor they are reached by", () => {
  const guest = new Guest();
  guest.put("/f", "text");
  guest.link("/f", "/l");
  const fd = watch(guest, "/l", IN_MODIFY | IN_CLOSE_WRITE);
  guest.put("/f", "other");
  assert.deepEqual(
    events(guest, fd).map(({ mask }) => mask),
    [IN_MODIFY, IN_CLOSE_WRITE],
  );
});

test("events that nobody reads are bounded, and the loss is told once", () => {
  const guest = new Guest();
  const fd = watch(guest, "/", IN_CREATE | IN_MODIFY);
  const file = guest.open("/f", O_CREAT | O_RDWR);
  const other = guest.open("/g", O_CREAT | O_RDWR);
  for (let k = 0; k < QUEUED_EVENTS_MAXIMUM; k++) guest.write(k % 2 === 0 ? file : other, "x");
  let count = 0;
  const overflows: Event[] = [];
  for (let some = events(guest, fd); some.length > 0; some = events(guest, fd)) {
    count += some.length;
    overflows.push(...some.filter(({ mask }) => mask === IN_Q_OVERFLOW));
  }
  assert.equal(count, QUEUED_EVENTS_MAXIMUM + 1);
  assert.deepEqual(overflows, [{ watch: -1, mask: IN_Q_OVERFLOW, cookie: 0, name: "" }]);
});

test("nothing is watched any more once the file is closed", () => {
  const guest = new Guest();
  const fd = watch(guest, "/", IN_CREATE);
  assert.equal(guest.mounts.watches.isEmpty, false);
  assert.equal(guest.call(REMOVE, fd, 1), 0);
  assert.deepEqual(
    events(guest, fd).map(({ mask }) => mask),
    [IN_IGNORED],
  );
  assert.equal(guest.mounts.watches.isEmpty, true);
  watch(guest, "/", IN_CREATE, fd);
  guest.close(fd);
  assert.equal(guest.mounts.watches.isEmpty, true);
});

test("only what may be read may be watched", () => {
  const guest = new Guest();
  guest.put("/closed", "text", 0o600);
  const fd = guest.call(INIT, 0);
  assert.equal(guest.call(ADD, fd, guest.path("/closed"), 0), -EINVAL);
  guest.call(SETUID, 33);
  assert.equal(guest.call(ADD, fd, guest.path("/closed"), IN_MODIFY), -EACCES);
});
