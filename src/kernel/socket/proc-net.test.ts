import assert from "node:assert/strict";
import { test } from "node:test";
import { AF_INET, AF_UNIX, IPPROTO_ICMP, SOCK_DGRAM } from "../../abi/socket.ts";
import { LOOPBACK, NetKernel } from "../syscall/socket.fixture.ts";
import {
  formatProcNetIcmp,
  formatProcNetSockstat,
  formatProcNetTcp,
  formatProcNetUdp,
  formatProcNetUnix,
} from "./proc-net.ts";

/** The columns that readers look at: ends, state, queues, timer's kind, inode. */
function columns(text: string): string[] {
  const lines = text.trimEnd().split("\n").slice(1);
  return lines.map((line) => {
    const [, local, remote, state, queues, timer, , , , inode] = line.trim().split(/\s+/);
    return `${local} ${remote} ${state} ${queues} ${timer?.slice(0, 2)} ${inode}`;
  });
}

test("/proc/net/tcp shows listeners, connections and TIME-WAIT in Linux's columns", () => {
  const kernel = new NetKernel();
  const program = kernel.program();
  const listener = program.listener(80);
  const [client, server] = program.pair(listener, 80);
  program.send(client, "unread");
  kernel.run();
  const port = String(program.name(client)).split(":")[1];
  const hex = Number(port).toString(16).toUpperCase().padStart(4, "0");
  const text = formatProcNetTcp(kernel.sockets);
  assert.deepEqual(columns(text).sort(), [
    "00000000:0050 00000000:0000 0A 00000000:00000000 00 1",
    `0100007F:0050 0100007F:${hex} 01 00000000:00000006 00 3`,
    `0100007F:${hex} 0100007F:0050 01 00000006:00000000 01 2`,
  ]);
  for (const line of text.slice(0, -1).split("\n")) assert.equal(line.length, 149);
  assert.equal(
    text.split("\n")[1]?.trimEnd(),
    "   0: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0000000000000000 100 0 0 10 0",
  );
  program.recv(server);
  program.close(client);
  kernel.run();
  program.close(server);
  kernel.run();
  assert.deepEqual(columns(formatProcNetTcp(kernel.sockets)).sort(), [
    "00000000:0050 00000000:0000 0A 00000000:00000000 00 1",
    `0100007F:${hex} 0100007F:0050 06 00000000:00000000 03 0`,
  ]);
  assert.match(formatProcNetSockstat(kernel.sockets), /^sockets: used 1\nTCP: inuse 1 orphan 0 tw 1 alloc 1 mem 0\n/);
});

test("/proc/net/udp, icmp and unix", () => {
  const kernel = new NetKernel();
  const program = kernel.program();
  const udp = program.udp();
  program.bind(udp, 53, LOOPBACK);
  const client = program.udp();
  program.sendTo(client, "x", 53);
  kernel.run();
  const [bound, sender] = columns(formatProcNetUdp(kernel.sockets));
  assert.equal(bound, "0100007F:0035 00000000:0000 07 00000000:00000101 00 1");
  assert.match(String(sender), /^00000000:[0-9A-F]{4} 00000000:0000 07 00000000:00000000 00 2$/);
  for (const line of formatProcNetUdp(kernel.sockets).slice(0, -1).split("\n")) assert.equal(line.length, 127);
  const ping = program.call(198, AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
  program.bind(ping, 4660);
  assert.deepEqual(columns(formatProcNetIcmp(kernel.sockets)), [
    "00000000:1234 00000000:0000 07 00000000:00000000 00 3",
  ]);
  const unix = program.socket(1, AF_UNIX);
  program.memory.writeUint16(program.scratch, AF_UNIX);
  program.memory.bytes.set([0, 97, 98], program.scratch + 2);
  program.call(200, unix, program.scratch, 5);
  program.listen(unix);
  assert.equal(
    formatProcNetUnix(kernel.sockets).split("\n")[1],
    "0000000000000000: 00000001 00000000 00010000 0001 01     4 @ab",
  );
});
