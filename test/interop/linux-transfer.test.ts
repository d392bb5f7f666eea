/** Many bytes between Akuma and the Linux kernel of this machine: every one arrives, over good links and bad ones. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { FaultProfile } from "../../src/kernel/net/device/faults.ts";
import { type Fields, faultsOfSender, packets } from "./capture.ts";
import { AKUMA, Laboratory, sink, source, until } from "./laboratory.ts";
import { reasonToSkip } from "./namespace.ts";

const skip = reasonToSkip();
const MEGABYTE = 1_000_000;

describe("bulk transfer between Akuma and Linux", { skip }, () => {
  let lab: Laboratory;

  before(async () => {
    lab = await Laboratory.open({ capture: false });
  });

  after(() => lab?.close());

  it("100 MB from us to Linux", () => lab.transferOut(5000, 100 * MEGABYTE));
  it("100 MB from Linux to us", () => lab.transferIn(6000, 100 * MEGABYTE));

  it("100 MB each way at once, over one connection", async () => {
    const { linux, result } = await lab.accept(6001, async (stream, akuma) => {
      const received = sink(akuma, stream);
      const sha256 = await source(akuma, stream, 100 * MEGABYTE);
      stream.shutdown(1);
      return { sha256, received: await received };
    });
    const received = linux.sink();
    const sha256 = await linux.source(100 * MEGABYTE);
    await linux.shutdownWrite();
    const ours = await result;
    assert.deepEqual(await received, { bytes: 100 * MEGABYTE, sha256: ours.sha256 });
    assert.deepEqual(ours.received, { bytes: 100 * MEGABYTE, sha256 });
    await linux.close();
  });

  it("thirty connections at once, both ways", async () => {
    const transfers: Promise<void>[] = [];
    for (let k = 0; k < 15; k++) {
      transfers.push(lab.transferOut(5100 + k, MEGABYTE), lab.transferIn(6100 + k, MEGABYTE));
    }
    await Promise.all(transfers);
  });

  it("gives back all memory", async () => {
    const { bufferPool, net } = lab.kernel;
    // A last segment may just be on its way, and large rings are kept for a second.
    await until(() => net.arena.framesInUse === 0 && bufferPool.usage().bytesInUse === 0);
  });
});

describe("transfer between Akuma and Linux under difficulties", { skip }, () => {
  let lab: Laboratory;
  let port = 5000;

  before(async () => {
    lab = await Laboratory.open({ delayMilliseconds: 1 });
  });

  after(() => lab?.close());

  /** Both ways at once, each over a connection of its own. */
  async function transfer(bytes: number): Promise<void> {
    port++;
    await Promise.all([lab.transferOut(port, bytes), lab.transferIn(port + 1000, bytes)]);
  }

  const controls: [string, Record<string, [different: number | string, usual: number | string]>][] = [
    ["no timestamps", { tcp_timestamps: [0, 1] }],
    ["no SACK", { tcp_sack: [0, 1] }],
    ["no window scaling", { tcp_window_scaling: [0, 1] }],
    ["none of them", { tcp_timestamps: [0, 1], tcp_sack: [0, 1], tcp_window_scaling: [0, 1] }],
    ["a wish for ECN", { tcp_ecn: [1, 2] }],
    [
      "small buffers",
      { tcp_rmem: ["4096 4096 8192", "4096 131072 6291456"], tcp_wmem: ["4096 4096 8192", "4096 16384 4194304"] },
    ],
  ];
  for (const [name, values] of controls) {
    it(`Linux has ${name}`, async () => {
      lab.setFaults({ delayMilliseconds: 1, loss: 0.002 });
      for (const [control, [different]] of Object.entries(values)) {
        await lab.linux.setSystemControl(`net.ipv4.${control}`, different);
      }
      await transfer(name === "small buffers" ? 200_000 : MEGABYTE);
      for (const [control, [, usual]] of Object.entries(values)) {
        await lab.linux.setSystemControl(`net.ipv4.${control}`, usual);
      }
    });
  }

  const profiles: [string, FaultProfile & { delayMilliseconds: number }][] = [
    ["loses", { loss: 0.02, delayMilliseconds: 1 }],
    ["delays", { delayMilliseconds: 20 }],
    ["reorders", { delayMilliseconds: 4, jitterMilliseconds: 3 }],
    ["duplicates", { duplicate: 0.1, delayMilliseconds: 1 }],
    ["does all of that", { loss: 0.01, duplicate: 0.05, reorder: 0.05, delayMilliseconds: 2, jitterMilliseconds: 1 }],
  ];
  for (const [name, faults] of profiles) {
    it(`the link ${name}`, async () => {
      lab.setFaults(faults);
      await transfer(MEGABYTE);
    });
  }

  it("the link does all of that to eighty short connections, none of which is left over", async () => {
    lab.setFaults({ loss: 0.01, duplicate: 0.03, reorder: 0.05, delayMilliseconds: 1, jitterMilliseconds: 1 });
    const transfers: Promise<void>[] = [];
    for (let k = 0; k < 40; k++) transfers.push(lab.transferOut(5100 + k, 10_000), lab.transferIn(6100 + k, 10_000));
    await Promise.all(transfers);
    await until(() => [...lab.kernel.net.tcp.connections()].length === 0);
  });

  it("all our checksums were right, nothing was taken back, nothing sent beyond the window", async (context) => {
    const faults = await lab.withCapture((path) => faultsOfSender(path, AKUMA));
    if (faults === null) context.skip("tshark is not installed");
    else assert.deepEqual(faults, []);
  });

  it("the link corrupts", async () => {
    lab.setFaults({ corrupt: 0.02, delayMilliseconds: 1 });
    await transfer(MEGABYTE);
    assert.ok(lab.kernel.net.counters.TcpInCsumErrors > 0);
  });
});

describe("slow readers", { skip }, () => {
  let lab: Laboratory;

  before(async () => {
    lab = await Laboratory.open();
  });

  after(() => lab?.close());

  /** Packets of one port with a certain analysis flag. */
  async function analysed(port: number, flag: string): Promise<Fields[] | null> {
    return await lab.withCapture((path) => packets(path, `tcp.port == ${port} && tcp.analysis.${flag}`, "ip.src"));
  }

  it("Linux does not read for a while: we stop at the closed window, probe it, and go on", async (context) => {
    const { linux, result } = await lab.connect(5000, async (stream, akuma) => {
      const sha256 = await source(akuma, stream, 8 * MEGABYTE);
      stream.close();
      return sha256;
    });
    await until(() => (lab.connectionTo(5000)?.info().probes ?? 0) >= 2);
    assert.equal(lab.connectionTo(5000)?.info().sendWindow, 0);
    assert.deepEqual(await linux.sink(), { bytes: 8 * MEGABYTE, sha256: await result });
    const probes = await analysed(5000, "keep_alive");
    if (probes === null) context.skip("tshark is not installed");
    else assert.ok(probes.filter((packet) => packet["ip.src"] === AKUMA).length >= 1);
  });

  it("we do not read for a while: Linux stops at the closed window, probes it, and goes on", async (context) => {
    const held = Promise.withResolvers<void>();
    const { linux, result } = await lab.accept(6000, async (stream, akuma) => {
      await held.promise;
      return await sink(akuma, stream);
    });
    const ours = lab.connectionTo(await linux.localPort());
    const sha256 = linux.source(8 * MEGABYTE);
    await until(() => ours?.info().receiveWindow === 0);
    const segments = ours?.info().segmentsIn ?? 0;
    await until(() => (ours?.info().segmentsIn ?? 0) >= segments + 2);
    held.resolve();
    const sent = await sha256;
    await linux.shutdownWrite();
    assert.deepEqual(await result, { bytes: 8 * MEGABYTE, sha256: sent });
    const zero = await analysed(6000, "zero_window");
    if (zero === null) context.skip("tshark is not installed");
    else assert.ok(zero.length >= 1 && zero.every((packet) => packet["ip.src"] === AKUMA));
  });

  it("readers that rest again and again, both ways", async () => {
    const { linux, result } = await lab.accept(6001, async (stream, akuma) => {
      const received = sink(akuma, stream, 100_000, 5);
      const sha256 = await source(akuma, stream, 2 * MEGABYTE);
      stream.shutdown(1);
      return { sha256, received: await received };
    });
    const received = linux.sink(100_000, 0.005);
    const sha256 = await linux.source(2 * MEGABYTE);
    await linux.shutdownWrite();
    const ours = await result;
    assert.deepEqual(await received, { bytes: 2 * MEGABYTE, sha256: ours.sha256 });
    assert.deepEqual(ours.received, { bytes: 2 * MEGABYTE, sha256 });
  });
});
