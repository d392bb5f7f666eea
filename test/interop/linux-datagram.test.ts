/** ARP, echo, UDP and ICMP errors between Akuma and the Linux kernel of this machine. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { ECONNREFUSED } from "../../src/abi/errno.ts";
import { AkumaError } from "../../src/user/libakuma/error.ts";
import { badPackets } from "./capture.ts";
import { AKUMA, Laboratory, LINUX, pattern } from "./laboratory.ts";
import { LinuxError } from "./linux-agent.ts";
import { reasonToSkip } from "./namespace.ts";

/** None, one byte, a packet just full, one byte more, several fragments, the largest. */
const SIZES = [0, 1, 1472, 1473, 9000, 65_507];

describe("datagrams between Akuma and Linux", { skip: reasonToSkip() }, () => {
  let lab: Laboratory;

  before(async () => {
    lab = await Laboratory.open();
  });

  after(() => lab?.close());

  it("we ask for Linux's address by ARP, and ping it", async () => {
    const { counters } = lab.kernel.net;
    const { code, output } = await lab.start("/bin/ping", { arguments: ["-c", "3", "-i", "0.01", LINUX] }).ended;
    assert.equal(code, 0, output);
    assert.match(output, /3 packets transmitted, 3 received, 0% packet loss/);
    assert.equal(counters.ArpOutRequests, 1);
    assert.equal(counters.ArpInReplies, 1);
  });

  it("Linux asks for our address by ARP, and pings us", async () => {
    const { counters } = lab.kernel.net;
    const requests = counters.ArpInRequests;
    lab.namespace.configure("neighbour", "flush", "dev", "tap0");
    assert.equal(await lab.linux.act("ping", AKUMA, 3, 56), 3);
    assert.ok(counters.ArpInRequests > requests);
    const { stdout } = await lab.namespace.run("ip", "neighbour", "show", AKUMA);
    const mac = Buffer.from(lab.kernel.net.interfaces[1]!.macAddress)
      .toString("hex")
      .replace(/(..)(?=.)/g, "$1:");
    assert.match(stdout, new RegExp(`lladdr ${mac} `));
  });

  it("echoes of every size come back whole, both ways", async () => {
    for (const size of [0, 1, 1472, 1473, 20_000, 60_000]) {
      assert.equal(await lab.linux.act("ping", AKUMA, 1, size), 1, `${size} bytes from Linux`);
      const ping = lab.start("/bin/ping", { arguments: ["-c", "1", "-s", String(size), "-W", "5", LINUX] });
      const { code, output } = await ping.ended;
      assert.equal(code, 0, output);
      assert.match(output, new RegExp(`^${size + 8} bytes from ${LINUX}: icmp_seq=1`, "m"));
    }
  });

  it("UDP from Linux arrives, in fragments too", async () => {
    const received = lab.inside(async (akuma) => {
      const socket = await akuma.net.UdpSocket.bind("0.0.0.0:7000");
      const buffer = new Uint8Array(65_536);
      const datagrams: Uint8Array[] = [];
      while (datagrams.length < SIZES.length) {
        const { length, address } = await socket.recvFrom(buffer);
        datagrams.push(buffer.slice(0, length));
        await socket.sendTo(buffer.subarray(0, length), address);
      }
      socket.close();
      return datagrams;
    });
    const socket = await lab.linux.open("udp");
    for (const size of SIZES) {
      await socket.sendTo(pattern(size), AKUMA, 7000);
      const [echo] = await socket.call<[Uint8Array, unknown]>("recvfrom", 65_536);
      assert.deepEqual(new Uint8Array(echo), pattern(size), `the echo of ${size} bytes`);
    }
    assert.deepEqual(
      (await received).map((datagram) => datagram.length),
      SIZES,
    );
    await socket.close();
    assert.ok(lab.kernel.net.counters.IpReasmOKs >= 3 && lab.kernel.net.counters.IpFragOKs >= 3);
  });

  it("UDP to Linux arrives, in fragments too", async () => {
    const socket = await lab.linux.open("udp");
    await socket.bind(7001);
    const sending = lab.inside(async (akuma) => {
      const client = await akuma.net.UdpSocket.bind("0.0.0.0:0");
      await client.connect(`${LINUX}:7001`);
      const buffer = new Uint8Array(65_536);
      for (const size of SIZES) {
        await client.send(pattern(size));
        const length = await client.recv(buffer);
        assert.deepEqual(buffer.subarray(0, length), pattern(size));
      }
      client.close();
    });
    for (const size of SIZES) {
      const [datagram, [address, port]] = await socket.call<[Uint8Array, [string, number]]>("recvfrom", 65_536);
      assert.equal(address, AKUMA);
      assert.deepEqual(new Uint8Array(datagram), pattern(size));
      await socket.sendTo(datagram, address, port);
    }
    await sending;
    await socket.close();
  });

  it("a port where nobody listens is ECONNREFUSED to a connected socket, both ways", async () => {
    await assert.rejects(
      lab.inside(async (akuma) => {
        const socket = await akuma.net.UdpSocket.bind("0.0.0.0:0");
        await socket.connect(`${LINUX}:7999`);
        await socket.send("anyone?");
        socket.setReadTimeout(5000);
        await socket.recv(new Uint8Array(100));
      }),
      (error) => error instanceof AkumaError && error.errno === ECONNREFUSED,
    );
    const socket = await lab.linux.open("udp");
    await socket.call("settimeout", 5);
    await socket.connect(AKUMA, 7999);
    await socket.send("anyone?");
    await assert.rejects(socket.receive(), (error) => error instanceof LinuxError && error.errno === "ECONNREFUSED");
    await socket.close();
  });

  it("an unknown protocol is answered as Linux answers it", async () => {
    const socket = await lab.linux.open("icmp");
    const raw = await lab.linux.act<number>("openRaw", 253);
    await lab.linux.act("call", raw, "sendto", Buffer.from("what is this?"), [AKUMA, 0]);
    const packet = await socket.receive();
    assert.deepEqual([packet[20], packet[21]], [3, 2], "protocol unreachable");
    // What is quoted is the packet that was sent.
    assert.equal(packet.subarray(28 + 20).toString(), "what is this?");
    await socket.close();
    await lab.linux.act("close", raw);
  });

  it("broadcasts reach Linux and us", async () => {
    const received = lab.inside(async (akuma) => {
      const socket = await akuma.net.UdpSocket.bind("0.0.0.0:7002");
      const buffer = new Uint8Array(100);
      const { length } = await socket.recvFrom(buffer);
      socket.setBroadcast(true);
      await socket.sendTo("from Akuma", "10.0.0.255:7002");
      socket.close();
      return Buffer.from(buffer.subarray(0, length)).toString();
    });
    const socket = await lab.linux.open("udp");
    await socket.bind(7002);
    await socket.setOption("SOL_SOCKET", "SO_BROADCAST", 1);
    await socket.sendTo("from Linux", "10.0.0.255", 7002);
    const heard: string[] = [];
    while (!heard.includes("from Akuma")) heard.push((await socket.receive()).toString());
    assert.equal(await received, "from Linux");
    await socket.close();
  });

  it("when Linux's MAC address changes, we follow as soon as the old one has not answered", async () => {
    lab.namespace.configure("link", "set", "tap0", "address", "02:00:00:00:00:77");
    lab.namespace.configure("neighbour", "flush", "dev", "tap0");
    // Linux asks for our address from its new one. This reply goes to the old one still:
    await assert.rejects(lab.linux.act("ping", AKUMA, 1, 56));
    // that is asked three times, a second apart, before it is given up.
    for (let tries = 0; ; tries++) {
      const { code } = await lab.start("/bin/ping", { arguments: ["-c", "1", "-W", "0.2", LINUX] }).ended;
      if (code === 0) break;
      assert.ok(tries < 50, "the new address is never used");
    }
    assert.equal(await lab.linux.act("ping", AKUMA, 1, 56), 1);
  });

  it("leaves a capture without malformed packets or wrong checksums", async (context) => {
    const bad = await lab.withCapture((path) => badPackets(path, AKUMA));
    if (bad === null) context.skip("tshark is not installed");
    else assert.deepEqual(bad, []);
  });
});
