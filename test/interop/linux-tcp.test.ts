/** How connections begin and end between Akuma and the Linux kernel of this machine. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import { ECONNREFUSED, ECONNRESET, EPIPE } from "../../src/abi/errno.ts";
import { IPPROTO_TCP, SO_KEEPALIVE, SOL_SOCKET, TCP_KEEPIDLE, TCP_KEEPINTVL } from "../../src/abi/socket.ts";
import { AkumaError } from "../../src/user/libakuma/error.ts";
import { Shutdown } from "../../src/user/libakuma/net.ts";
import { type Fields, packets } from "./capture.ts";
import { AKUMA, Laboratory, LINUX, resetOnClose } from "./laboratory.ts";
import { LinuxError } from "./linux-agent.ts";
import { reasonToSkip } from "./namespace.ts";

const failsWith =
  (errno: number) =>
  (error: unknown): boolean =>
    error instanceof AkumaError && error.errno === errno;
const failsInLinuxWith =
  (errno: string) =>
  (error: unknown): boolean =>
    error instanceof LinuxError && error.errno === errno;

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}

describe("TCP between Akuma and Linux", { skip: reasonToSkip() }, () => {
  let lab: Laboratory;

  before(async () => {
    lab = await Laboratory.open();
  });

  after(() => lab?.close());

  /** What ss says of Linux's end of a connection to or from a port. */
  async function socketStatistics(port: number): Promise<string> {
    const filter = `( sport = :${port} or dport = :${port} )`;
    return (await lab.namespace.run("ss", "-tinaeo", filter)).stdout;
  }

  it("window scaling, timestamps and SACK are agreed upon, whoever opens", async (context) => {
    const held = Promise.withResolvers<void>();
    for (const opened of [
      await lab.accept(6000, async () => await held.promise),
      await lab.connect(5000, async () => await held.promise),
    ]) {
      await opened.linux.send("x");
      const port = (await opened.linux.call<[string, number]>("getpeername"))[1];
      const statistics = await socketStatistics(port);
      assert.match(statistics, /ESTAB.*\n.*\bts sack\b.*\bwscale:7,\d+ /, statistics);
      assert.match(statistics, /\bmss:1448 .*\badvmss:1448\b/, "1460 less the timestamps");
      const ours = lab.connectionTo(await opened.linux.localPort())?.info();
      assert.ok(ours?.timestamps && ours.selectiveAcknowledgment);
      assert.equal(ours.sendSegmentBytes, 1448);
      assert.equal(ours.sendScale, Number(/wscale:\d+,(\d+)/.exec(statistics)?.[1]));
      assert.equal(ours.receiveScale, Number(/wscale:(\d+),/.exec(statistics)?.[1]));
    }
    held.resolve();
    const fields = [
      "ip.src",
      "tcp.options.mss_val",
      "tcp.options.wscale.shift",
      "tcp.options.sack_perm",
      "tcp.options.timestamp.tsval",
    ];
    const seen = await lab.withCapture((path) => packets(path, "tcp.flags.syn == 1", ...fields));
    if (seen === null) {
      context.skip("tshark is not installed");
      return;
    }
    assert.equal(seen.length, 4, "two SYNs, two SYN|ACKs");
    for (const syn of seen) {
      for (const field of fields) assert.notEqual(syn[field], "", `${field} in ${JSON.stringify(syn)}`);
      assert.equal(syn["tcp.options.mss_val"], "1460");
    }
  });

  it("half closed by Linux, we go on sending", async () => {
    const { linux, result } = await lab.accept(6001, async (stream) => {
      const question = text(await stream.readToEnd());
      await stream.writeAll(`you said ${question}`);
      stream.close();
    });
    await linux.send("hello");
    await linux.shutdownWrite();
    const answer = await linux.sink();
    assert.equal(answer.bytes, "you said hello".length);
    await result;
    assert.match(await socketStatistics(6001), /TIME-WAIT/);
    await linux.close();
  });

  it("half closed by us, Linux goes on sending", async () => {
    const { linux, result } = await lab.connect(5001, async (stream) => {
      await stream.writeAll("hello");
      stream.shutdown(Shutdown.Write);
      const answer = text(await stream.readToEnd());
      stream.close();
      return answer;
    });
    assert.equal((await linux.receive()).toString(), "hello");
    assert.equal((await linux.receive()).length, 0);
    await linux.send("you said hello");
    await linux.close();
    assert.equal(await result, "you said hello");
    const states = [...lab.kernel.net.tcp.timeWaiting()].filter(({ remotePort }) => remotePort === 5001);
    assert.equal(states.length, 1, "who closes first waits");
  });

  it("a port where nobody listens refuses, both ways", async () => {
    await assert.rejects(
      lab.inside(async (akuma) => await akuma.net.TcpStream.connect(`${LINUX}:5999`)),
      failsWith(ECONNREFUSED),
    );
    await assert.rejects(lab.linux.connect(AKUMA, 5999), failsInLinuxWith("ECONNREFUSED"));
  });

  it("a reset by Linux is ECONNRESET, then EPIPE", async () => {
    const { linux, result } = await lab.accept(6002, async (stream) => {
      await assert.rejects(async () => await stream.readToEnd(), failsWith(ECONNRESET));
      await assert.rejects(async () => await stream.writeAll("x"), failsWith(EPIPE));
      assert.equal(await stream.read(new Uint8Array(1)), 0);
      stream.close();
    });
    await linux.send("last words");
    await linux.resetOnClose();
    await linux.close();
    await result;
  });

  it("a reset by us is ECONNRESET in Linux: with linger 0, and with data unread", async () => {
    const abrupt = await lab.accept(6003, async (stream, akuma) => {
      // A reset that comes before connect(2) has returned would be its error.
      await stream.read(new Uint8Array(1));
      resetOnClose(akuma, stream);
      stream.close();
    });
    await abrupt.linux.send("x");
    await assert.rejects(abrupt.linux.receive(), failsInLinuxWith("ECONNRESET"));
    await abrupt.linux.close();
    const unread = await lab.connect(5003, async (stream) => {
      await stream.read(new Uint8Array(1));
      stream.close();
    });
    await unread.linux.send("more than one byte");
    await unread.result;
    await assert.rejects(unread.linux.receive(), failsInLinuxWith("ECONNRESET"));
    await unread.linux.close();
  });

  it("data to a closed connection is answered by a reset, both ways", async () => {
    const ours = await lab.accept(6004, async (stream) => stream.close());
    await ours.result;
    assert.equal((await ours.linux.receive()).length, 0);
    await ours.linux.send("too late");
    await assert.rejects(async () => {
      for (let k = 0; k < 50; k++) await ours.linux.send("x");
    }, failsInLinuxWith("EPIPE"));
    await ours.linux.close();
    const { linux, result } = await lab.connect(5004, async (stream, akuma) => {
      assert.equal(await stream.read(new Uint8Array(1)), 0);
      await assert.rejects(async () => {
        for (let k = 0; k < 1000; k++) {
          await stream.writeAll("too late");
          await akuma.sleep(1);
        }
      }, failsWith(EPIPE));
    });
    await linux.close();
    await result;
  });

  it("urgent data is read in line", async () => {
    const { linux, result } = await lab.accept(6005, async (stream) => text(await stream.readToEnd()));
    await linux.send("a");
    await linux.call("send", Buffer.from("b"), { constant: "MSG_OOB" });
    await linux.send("c");
    await linux.close();
    assert.equal(await result, "abc");
  });

  it("the same ports are used again while TIME-WAIT lasts, whoever waits", async () => {
    const listener = await lab.linux.listen(5006);
    for (let round = 0; round < 3; round++) {
      // We close first, so we wait; Linux connects again from the same port.
      const { result } = await lab.acceptOnly(6006, async (stream) => {
        await stream.writeAll(`${round}`);
        stream.shutdown(Shutdown.Write);
        await stream.readToEnd();
      });
      const client = await lab.linux.open("tcp");
      await client.bind(46_006);
      await client.connect(AKUMA, 6006);
      assert.equal((await client.receive()).toString(), `${round}`);
      assert.equal((await client.receive()).length, 0);
      await client.close();
      await result;
      // Linux closes first and waits; we connect again from the same port.
      const asking = lab.inside(async (akuma) => {
        const fd = akuma.socket(2, 1, 0);
        assert.equal(akuma.bind(fd, new akuma.net.SocketAddrV4(AKUMA, 46_007)), 0);
        assert.equal(await akuma.connect(fd, new akuma.net.SocketAddrV4(LINUX, 5006)), 0);
        assert.equal(await akuma.recv(fd, new Uint8Array(1), 0), 0);
        akuma.close(fd);
      });
      const accepted = await listener.accept();
      await accepted.shutdownWrite();
      await asking;
      assert.equal((await accepted.receive()).length, 0);
      await accepted.close();
    }
    await listener.close();
    assert.ok(lab.kernel.net.counters.TcpExtTWRecycled >= 2);
  });

  it("a link that is down for a while breaks nothing", async () => {
    const transfers = [lab.transferOut(5010, 30_000_000), lab.transferIn(6010, 30_000_000)];
    await setTimeout(50);
    lab.namespace.configure("link", "set", "tap0", "down");
    await setTimeout(500);
    lab.namespace.configure("link", "set", "tap0", "up");
    await Promise.all(transfers);
  });

  it("keep-alive probes are answered, both ways", async (context) => {
    lab.forgetCapture();
    const held = Promise.withResolvers<void>();
    const { linux, result } = await lab.accept(6007, async (stream, akuma) => {
      akuma.setsockopt(stream.fd, IPPROTO_TCP, TCP_KEEPIDLE, 1);
      akuma.setsockopt(stream.fd, IPPROTO_TCP, TCP_KEEPINTVL, 1);
      akuma.setsockopt(stream.fd, SOL_SOCKET, SO_KEEPALIVE, 1);
      await held.promise;
      await stream.writeAll("still here");
      stream.close();
    });
    const other = await lab.connect(5007, async () => await held.promise);
    await other.linux.setOption("IPPROTO_TCP", "TCP_KEEPIDLE", 1);
    await other.linux.setOption("IPPROTO_TCP", "TCP_KEEPINTVL", 1);
    await other.linux.setOption("SOL_SOCKET", "SO_KEEPALIVE", 1);
    await setTimeout(2500);
    held.resolve();
    assert.equal((await linux.receive()).toString(), "still here");
    await Promise.all([result, other.result]);
    const filter = "tcp.analysis.keep_alive || tcp.analysis.keep_alive_ack";
    const seen = await lab.withCapture((path) =>
      packets(path, filter, "ip.src", "tcp.port", "tcp.analysis.keep_alive_ack"),
    );
    if (seen === null) {
      context.skip("tshark is not installed");
      return;
    }
    const cases: [string, string][] = [
      ["6007", AKUMA],
      ["5007", LINUX],
    ];
    for (const [port, prober] of cases) {
      const mine: Fields[] = seen.filter((packet) => packet["tcp.port"]?.split(",").includes(port));
      const probes: Fields[] = mine.filter((packet) => packet["tcp.analysis.keep_alive_ack"] === "");
      assert.ok(probes.length >= 1 && probes.every((packet) => packet["ip.src"] === prober), JSON.stringify(mine));
      const answers = mine.length - probes.length;
      assert.ok(answers >= 1 && answers <= probes.length, "they are answered, and once");
    }
  });
});
