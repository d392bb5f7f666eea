import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { EAGAIN, EBADF, EINVAL, EISDIR, EPIPE, EXDEV } from "../../abi/errno.ts";
import { O_APPEND, O_CREAT, O_DIRECTORY, O_NONBLOCK, O_RDWR, O_WRONLY } from "../../abi/file.ts";
import { SIG_IGN, SIGPIPE } from "../../abi/signal.ts";
import { createPipe } from "../file/pipe.ts";
import { Guest } from "../vfs/guest.fixture.ts";
import { MemFs } from "../vfs/memfs/memfs.ts";

/** Apart from the buffer that reads go to. */
const OFFSET = 0x7000;

function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, k) => (k * 7 + (k >> 8)) & 0xff);
}

/** The two descriptors of a new pipe. */
function pipe(guest: Guest, flags = 0): { reader: number; writer: number } {
  const { reader, writer } = createPipe(guest.system.openFiles, flags);
  return { reader: guest.install(reader), writer: guest.install(writer) };
}

describe("sendfile", () => {
  test("from file to file, at the position and at an offset", () => {
    const guest = new Guest();
    const contents = pattern(200_000);
    guest.put("/in", contents);
    const input = guest.open("/in");
    const output = guest.open("/out", O_CREAT | O_RDWR);
    assert.equal(guest.seek(input, 10), 10);
    assert.equal(guest.call(71, output, input, 0, 100_000), 100_000);
    assert.equal(guest.seek(input, 0, 1), 100_010);
    guest.memory.writeInt64(OFFSET, 150_000);
    assert.equal(guest.call(71, output, input, OFFSET, 1_000_000), 50_000);
    assert.equal(guest.memory.readInt64(OFFSET), 200_000);
    assert.equal(guest.seek(input, 0, 1), 100_010);
    assert.equal(guest.call(71, output, input, OFFSET, 10), 0);
    assert.deepEqual(guest.readAt(output, 100_000, 0), contents.slice(10, 100_010));
    assert.deepEqual(guest.readAt(output, 50_000, 100_000), contents.slice(150_000));
    guest.memory.writeInt64(OFFSET, -1);
    assert.equal(guest.call(71, output, input, OFFSET, 10), -EINVAL);
  });

  test("holes are sent as zeros", () => {
    const guest = new Guest();
    const input = guest.open("/in", O_CREAT | O_RDWR);
    assert.equal(guest.writeAt(input, "end", 300_000), 3);
    const output = guest.open("/out", O_CREAT | O_RDWR);
    let sent = 0;
    for (let count = 1; count > 0; sent += count) count = guest.call(71, output, input, 0, 1 << 20);
    assert.equal(sent, 300_003);
    assert.deepEqual(guest.readAt(output, 6, 299_997), new TextEncoder().encode("\0\0\0end"));
  });

  test("wrong uses", () => {
    const guest = new Guest();
    guest.put("/f", "x");
    const readable = guest.open("/f");
    const writable = guest.open("/f", O_WRONLY);
    const appending = guest.open("/g", O_CREAT | O_WRONLY | O_APPEND);
    const { reader, writer } = pipe(guest);
    assert.equal(guest.call(71, readable, readable, 0, 1), -EBADF);
    assert.equal(guest.call(71, writable, writable, 0, 1), -EBADF);
    assert.equal(guest.call(71, appending, readable, 0, 1), -EINVAL);
    assert.equal(guest.call(71, writer, reader, 0, 1), -EINVAL);
    assert.equal(guest.call(71, writer, guest.open("/", O_DIRECTORY), 0, 1), -EINVAL);
  });

  test("into a full pipe: EAGAIN, or waiting until all is through", async () => {
    const guest = new Guest();
    const contents = pattern(200_000);
    guest.put("/in", contents);
    const input = guest.open("/in");
    const pending = pipe(guest, O_NONBLOCK);
    const taken = guest.call(71, pending.writer, input, 0, 200_000);
    assert.equal(taken, 65_536);
    assert.equal(guest.call(71, pending.writer, input, 0, 200_000), -EAGAIN);
    assert.equal(guest.seek(input, 0, 1), 65_536);

    const { reader, writer } = pipe(guest);
    guest.memory.writeInt64(OFFSET, 0);
    const result = guest.callAny(71, [writer, input, OFFSET, 200_000]);
    assert.equal(typeof result, "object");
    const received: number[] = [];
    for (let rounds = 0; received.length < 200_000 && rounds < 100; rounds++) {
      const part = guest.read(reader, 30_000);
      assert.equal(typeof part, "object");
      received.push(...(part as Uint8Array));
      guest.run();
    }
    assert.equal(await result, 200_000);
    assert.deepEqual(Uint8Array.from(received), contents);
    assert.equal(guest.memory.readInt64(OFFSET), 200_000);
  });

  test("the reader goes away: what was sent, then EPIPE", async () => {
    const guest = new Guest();
    guest.process.signals.setAction(SIGPIPE, { handler: SIG_IGN, flags: 0, mask: 0n });
    guest.put("/in", pattern(100_000));
    const input = guest.open("/in");
    const { reader, writer } = pipe(guest);
    const result = guest.callAny(71, [writer, input, 0, 100_000]);
    guest.close(reader);
    guest.run();
    assert.equal(await result, 65_536);
    assert.equal(guest.call(71, writer, input, 0, 1), -EPIPE);
  });
});

describe("copy_file_range", () => {
  test("copies within a file system, not over itself", () => {
    const guest = new Guest();
    const contents = pattern(100_000);
    guest.put("/in", contents);
    const input = guest.open("/in", O_RDWR);
    const output = guest.open("/out", O_CREAT | O_RDWR);
    guest.memory.writeInt64(OFFSET, 50_000);
    assert.equal(guest.call(285, input, OFFSET, output, 0, 1_000_000, 0), 50_000);
    assert.equal(guest.memory.readInt64(OFFSET), 100_000);
    assert.deepEqual(guest.readAt(output, 60_000, 0), contents.slice(50_000));
    guest.memory.writeInt64(OFFSET, 10);
    assert.equal(guest.call(285, input, OFFSET, input, 0, 100, 0), -EINVAL);
    assert.equal(guest.call(285, input, 0, output, 0, 100, 1), -EINVAL);
    assert.equal(guest.call(285, guest.open("/", O_DIRECTORY), 0, output, 0, 100, 0), -EISDIR);
    guest.mkdir("/m");
    guest.mounts.mount("/m", new MemFs({ clock: guest.clock }));
    const elsewhere = guest.open("/m/f", O_CREAT | O_RDWR);
    assert.equal(guest.call(285, input, 0, elsewhere, 0, 100, 0), -EXDEV);
  });
});
