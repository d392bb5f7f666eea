/** What happens on the way between Akuma and Linux: segments that cross, a path that narrows, a flood of SYNs. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Shutdown } from "../../src/user/libakuma/net.ts";
import { packets } from "./capture.ts";
import { AKUMA, Laboratory, LINUX, pattern, sink, source } from "./laboratory.ts";
import { LinuxAgent } from "./linux-agent.ts";
import { Namespace, reasonToSkip } from "./namespace.ts";

const skip = reasonToSkip();

describe("segments that cross on a slow link to Linux", { skip }, () => {
  let lab: Laboratory;

  before(async () => {
    lab = await Laboratory.open({ delayMilliseconds: 200 });
  });

  after(() => lab?.close());

  /** How many sockets of Linux are in TIME-WAIT on a port. */
  async function timeWaits(port: number): Promise<number> {
    const { stdout } = await lab.namespace.run("ss", "-Htan", "state", "time-wait", `( sport = :${port} )`);
    return stdout.split("\n").filter((line) => line !== "").length;
  }

  it("both close at the same time: both wait", async (context) => {
    const go = Promise.withResolvers<void>();
    const { linux, result } = await lab.connect(5000, async (stream) => {
      await go.promise;
      stream.shutdown(Shutdown.Both);
      await stream.readToEnd();
      stream.close();
    });
    go.resolve();
    await linux.shutdownWrite();
    assert.equal((await linux.receive()).length, 0);
    await result;
    await linux.close();
    while ((await timeWaits(5000)) === 0) await lab.inside(async (akuma) => await akuma.sleep(10));
    assert.equal([...lab.kernel.net.tcp.timeWaiting()].filter(({ remotePort }) => remotePort === 5000).length, 1);
    const fins = await lab.withCapture((path) =>
      packets(path, "tcp.flags.fin == 1", "ip.src", "tcp.seq", "tcp.ack", "tcp.analysis.retransmission"),
    );
    if (fins === null) context.skip("tshark is not installed");
    else {
      assert.deepEqual(new Set(fins.map((fin) => fin["ip.src"])), new Set([AKUMA, LINUX]));
      for (const fin of fins) assert.deepEqual([fin["tcp.seq"], fin["tcp.ack"]], ["1", "1"], "neither had the other's");
    }
  });

  it("both open at the same time: it is one connection", async (context) => {
    const linux = await lab.linux.open("tcp");
    await linux.bind(46_100);
    const opening = linux.connect(AKUMA, 46_200);
    const answer = lab.inside(async (akuma) => {
      const fd = akuma.socket(2, 1, 0);
      assert.equal(akuma.bind(fd, new akuma.net.SocketAddrV4(AKUMA, 46_200)), 0);
      assert.equal(await akuma.connect(fd, new akuma.net.SocketAddrV4(LINUX, 46_100)), 0);
      assert.equal(await akuma.send(fd, Buffer.from("hello"), 0), 5);
      const buffer = new Uint8Array(100);
      const count = await akuma.recv(fd, buffer, 0);
      akuma.close(fd);
      return Buffer.from(buffer.subarray(0, count)).toString();
    });
    await opening;
    assert.equal((await linux.receive()).toString(), "hello");
    await linux.send("hello yourself");
    assert.equal(await answer, "hello yourself");
    await linux.close();
    const syns = await lab.withCapture((path) => packets(path, "tcp.flags.syn == 1 && tcp.flags.ack == 0", "ip.src"));
    if (syns === null) context.skip("tshark is not installed");
    else assert.deepEqual(new Set(syns.map((syn) => syn["ip.src"])), new Set([AKUMA, LINUX]));
  });
});

describe("SYNs that nobody means", { skip }, () => {
  let lab: Laboratory;

  before(async () => {
    lab = await Laboratory.open();
  });

  after(() => lab?.close());

  it("a flood of SYNs takes little, and who means it still gets through", async () => {
    const { counters, tcp } = lab.kernel.net;
    const listening = Promise.withResolvers<void>();
    const serving = lab.inside(async (akuma) => {
      const listener = await akuma.net.TcpListener.bind("0.0.0.0:6000", 8);
      listening.resolve();
      const { stream } = await listener.accept();
      const received = await sink(akuma, stream);
      listener.close();
      return received;
    });
    await listening.promise;
    await lab.linux.act("flood", AKUMA, 6000, 3000);
    const linux = await lab.linux.connect(AKUMA, 6000);
    assert.ok([...tcp.halfOpen()].length <= 16, "bounded by the backlog");
    assert.ok(counters.TcpExtSyncookiesSent >= 2000, `${counters.TcpExtSyncookiesSent} cookies`);
    const sha256 = await linux.source(1_000_000);
    assert.equal(counters.TcpExtSyncookiesRecv, 1);
    // What the cookie could not hold came back in the timestamp.
    const ours = lab.connectionTo(await linux.localPort())?.info();
    assert.ok(ours?.timestamps && ours.selectiveAcknowledgment && ours.sendScale > 0 && ours.sendSegmentBytes === 1448);
    await linux.shutdownWrite();
    assert.deepEqual(await serving, { bytes: 1_000_000, sha256 });
    await linux.close();
  });
});

describe("a path that narrows behind a router", { skip }, () => {
  let lab: Laboratory;
  let far: Namespace;
  let agent: LinuxAgent;
  const FAR = "10.0.9.2";

  before(async () => {
    lab = await Laboratory.open();
    const router = lab.namespace;
    far = new Namespace();
    agent = new LinuxAgent(far);
    router.configure("link", "add", "near", "type", "veth", "peer", "name", "far", "netns", far.name);
    router.configure("address", "add", "10.0.9.1/24", "dev", "near");
    router.configure("link", "set", "near", "up");
    far.configure("address", "add", `${FAR}/24`, "dev", "far");
    far.configure("link", "set", "far", "up");
    far.configure("route", "add", "default", "via", "10.0.9.1");
    // The far host does not know of it, and offers the usual segment size.
    router.configure("route", "replace", "10.0.9.0/24", "dev", "near", "mtu", "lock", "1000");
    await lab.linux.setSystemControl("net.ipv4.ip_forward", 1);
  });

  after(() => {
    lab?.close();
    far?.remove();
  });

  it("we learn its MTU from the router, and everything arrives", async () => {
    const listener = await agent.listen(5000);
    const sending = lab.inside(async (akuma) => {
      const stream = await akuma.net.TcpStream.connect(`${FAR}:5000`);
      const sha256 = await source(akuma, stream, 1_000_000);
      const mtu = lab.connectionTo(5000)?.info().pathMtu;
      stream.close();
      return { sha256, mtu };
    });
    const received = await (await listener.accept()).sink();
    const { sha256, mtu } = await sending;
    assert.deepEqual(received, { bytes: 1_000_000, sha256 });
    assert.equal(mtu, 1000);
    assert.ok(lab.kernel.net.counters.IcmpInDestUnreachs >= 1);
  });

  it("the same on a connection that the far host has opened", async () => {
    const { result } = await lab.acceptOnly(6000, async (stream, akuma) => {
      const sha256 = await source(akuma, stream, 1_000_000);
      stream.close();
      return sha256;
    });
    const socket = await agent.connect(AKUMA, 6000);
    assert.deepEqual(await socket.sink(), { bytes: 1_000_000, sha256: await result });
    await socket.close();
  });

  it("the router cuts our datagrams, and the far host puts them together", async () => {
    const socket = await agent.open("udp");
    await socket.bind(7000);
    await lab.inside(async (akuma) => {
      const client = await akuma.net.UdpSocket.bind("0.0.0.0:0");
      for (const size of [1472, 5000]) await client.sendTo(pattern(size), `${FAR}:7000`);
      client.close();
    });
    for (const size of [1472, 5000]) assert.deepEqual(new Uint8Array(await socket.receive()), pattern(size));
    await socket.close();
  });
});
