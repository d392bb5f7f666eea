import assert from "node:assert/strict";
import { test } from "node:test";
import * as dns from "@dnsquery/dns-packet";
import fc from "fast-check";
import { VirtualClock } from "../../base/clock.ts";
import { parseIpv4 } from "../../base/ipv4-address.ts";
import { DnsServer } from "./dns-server.ts";
import { parseGrants } from "./grant-syntax.ts";
import { NetGrants } from "./grants.ts";
import type { HostRecord, HostResolver, Resolution } from "./host-sockets.ts";
import { NameService } from "./name-service.ts";
import { OutboundPolicy } from "./outbound-policy.ts";

type DecodedPacket = ReturnType<typeof dns.decode>;

const ip = (text: string): number => parseIpv4(text) as number;

class FakeResolver implements HostResolver {
  readonly asked: string[] = [];
  readonly hosts: Record<string, Resolution<number>> = {};
  readonly data: Record<string, Resolution<HostRecord>> = {};

  addresses(name: string): Promise<Resolution<number>> {
    this.asked.push(name);
    return Promise.resolve(this.hosts[name] ?? { status: "absent", nameExists: false });
  }

  records(name: string, type: string): Promise<Resolution<HostRecord>> {
    this.asked.push(`${type} ${name}`);
    return Promise.resolve(this.data[`${type} ${name}`] ?? { status: "absent", nameExists: true });
  }

  found(name: string, ...addresses: string[]): void {
    this.hosts[name] = { status: "found", values: addresses.map(ip), timeToLiveSeconds: 30 };
  }
}

function setup(list: string | boolean) {
  const clock = new VirtualClock();
  const resolver = new FakeResolver();
  const grants = new NetGrants(parseGrants(list), { gatewayAddress: ip("10.0.2.2") });
  const names = new NameService(resolver, grants, clock);
  const log: string[] = [];
  const policy = new OutboundPolicy({
    grants,
    names,
    clock,
    gatewayAddress: ip("10.0.2.2"),
    dnsAddress: ip("10.0.2.3"),
    log: (line) => log.push(line),
  });
  const server = new DnsServer(names, grants, policy);
  const ask = async (
    name: string,
    type: string,
    transport: "udp" | "tcp" = "udp",
    edns = false,
  ): Promise<DecodedPacket> => {
    const additionals = edns ? [{ type: "OPT", name: ".", udpPayloadSize: 4096, flags: 0, options: [] }] : [];
    const query = dns.encode({
      type: "query",
      id: 4711,
      flags: dns.RECURSION_DESIRED,
      questions: [{ type, name } as dns.Question],
      additionals: additionals as unknown as dns.Answer[],
    });
    const answer = await server.answer(query, transport);
    assert.ok(answer !== null);
    if (transport === "udp") assert.ok(answer.length <= (edns ? 1232 : 512));
    const decoded = dns.decode(answer);
    assert.equal(decoded.id, 4711);
    assert.equal(decoded.type, "response");
    return decoded;
  };
  return { clock, resolver, grants, policy, server, log, ask };
}

const data = (packet: DecodedPacket): unknown[] =>
  (packet.answers ?? []).map((answer) => (answer as { data: unknown }).data);

test("a granted name is answered, with its case kept and its time to live running down", async () => {
  const { ask, resolver, clock } = setup("example.com");
  resolver.found("example.com", "93.184.216.34", "93.184.216.35");
  const first = await ask("ExAmPlE.com", "A");
  assert.equal(first.rcode, "NOERROR");
  assert.equal(first.questions?.[0]?.name, "ExAmPlE.com");
  assert.deepEqual(data(first), ["93.184.216.34", "93.184.216.35"]);
  clock.advanceTo(10_000);
  const second = await ask("example.com", "A");
  assert.equal((second.answers as { ttl: number }[])[0]?.ttl, 20);
  assert.deepEqual(resolver.asked, ["example.com"], "answered from the cache");
  clock.advanceTo(30_000);
  await ask("example.com", "A");
  assert.deepEqual(resolver.asked, ["example.com", "example.com"]);
  const six = await ask("example.com", "AAAA");
  assert.equal(six.rcode, "NOERROR");
  assert.deepEqual(data(six), []);
});

test("a name that is not granted is refused without asking anyone, and the operator reads why", async () => {
  const { ask, resolver, log } = setup("example.com");
  for (const name of ["evil.test", "secret-data.evil.test", "example.com.evil.test"]) {
    assert.equal((await ask(name, "A")).rcode, "REFUSED");
    assert.equal((await ask(name, "TXT")).rcode, "REFUSED");
  }
  assert.deepEqual(resolver.asked, []);
  assert.equal(log.length, 3, "once per name");
  assert.match(log[0] as string, /evil\.test.*--allow-net=evil\.test/);
  const nothing = setup(false);
  assert.equal((await nothing.ask("example.com", "A")).rcode, "REFUSED");
});

test("a granted name that leads inside is refused, and the message says what it leads to", async () => {
  const { ask, resolver, log, grants } = setup("rebind.test");
  resolver.found("rebind.test", "169.254.169.254");
  assert.equal((await ask("rebind.test", "A")).rcode, "REFUSED");
  assert.match(log[0] as string, /169\.254\.169\.254 \(link-local\).*--allow-net=rebind\.test,169\.254\.169\.254/);
  assert.equal(grants.allows(ip("169.254.169.254"), 80, 0), false);
  const mixed = setup("rebind.test");
  mixed.resolver.found("rebind.test", "127.0.0.1", "93.184.216.34");
  assert.deepEqual(data(await mixed.ask("rebind.test", "A")), ["93.184.216.34"]);
});

test("NXDOMAIN, a name without such data, and failure of the host's resolver", async () => {
  const { ask, resolver } = setup(true);
  assert.equal((await ask("nowhere.test", "A")).rcode, "NXDOMAIN");
  assert.equal((await ask("nowhere.test", "AAAA")).rcode, "NXDOMAIN");
  const empty = await ask("example.com", "MX");
  assert.equal(empty.rcode, "NOERROR");
  assert.deepEqual(data(empty), []);
  resolver.hosts["broken.test"] = { status: "failed" };
  assert.equal((await ask("broken.test", "A")).rcode, "SERVFAIL");
  resolver.found("broken.test", "93.184.216.34");
  assert.equal((await ask("broken.test", "A")).rcode, "NOERROR", "failure is not kept");
  resolver.addresses = () => Promise.reject(new Error("boom"));
  assert.equal((await ask("other.test", "A")).rcode, "SERVFAIL");
});

test("other records pass through, and an answer too long for UDP is asked for again over TCP", async () => {
  const { ask, resolver } = setup(true);
  const found = (type: string, values: unknown[]): void => {
    resolver.data[`${type} example.com`] = {
      status: "found",
      values: values.map((value) => ({ type, data: value })),
      timeToLiveSeconds: 60,
    };
  };
  found("MX", [{ preference: 10, exchange: "mail.example.com" }]);
  found("SRV", [{ priority: 1, weight: 2, port: 5060, target: "sip.example.com" }]);
  found("CNAME", ["other.example.com"]);
  assert.deepEqual(data(await ask("example.com", "MX")), [{ preference: 10, exchange: "mail.example.com" }]);
  assert.deepEqual(data(await ask("example.com", "SRV")), [
    { priority: 1, weight: 2, port: 5060, target: "sip.example.com" },
  ]);
  assert.deepEqual(data(await ask("example.com", "CNAME")), ["other.example.com"]);
  found(
    "TXT",
    Array.from({ length: 8 }, (_, k) => [`${k}`.repeat(120)]),
  );
  const short = await ask("example.com", "TXT");
  assert.equal(short.flag_tc, true);
  assert.deepEqual(data(short), []);
  assert.equal((await ask("example.com", "TXT", "udp", true)).answers?.length, 8);
  assert.equal((await ask("example.com", "TXT", "tcp")).answers?.length, 8);
});

test("names of addresses only for those that may be reached", async () => {
  const { ask, resolver } = setup("example.com,192.0.2.0/24");
  resolver.data["PTR 7.2.0.192.in-addr.arpa"] = {
    status: "found",
    values: [{ type: "PTR", data: "seven.test" }],
    timeToLiveSeconds: 60,
  };
  assert.deepEqual(data(await ask("7.2.0.192.in-addr.arpa", "PTR")), ["seven.test"]);
  assert.equal((await ask("1.1.1.10.in-addr.arpa", "PTR")).rcode, "REFUSED");
  assert.equal((await ask("999.1.1.10.in-addr.arpa", "PTR")).rcode, "NXDOMAIN");
  resolver.found("example.com", "93.184.216.34");
  await ask("example.com", "A");
  assert.deepEqual(data(await ask("34.216.184.93.in-addr.arpa", "PTR")), ["example.com"]);
});

test("names that are numbers in disguise never reach the host's resolver", async () => {
  const { ask, resolver } = setup(true);
  for (const name of ["127.0.0.1", "2130706433", "0x7f.1", "127.1"])
    assert.equal((await ask(name, "A")).rcode, "NXDOMAIN", name);
  assert.deepEqual(resolver.asked, []);
  assert.deepEqual(data(await ask("localhost", "A")), ["127.0.0.1"]);
});

test("a zero byte or a dot inside a label is no way around the grants", async () => {
  const { server, resolver } = setup("example.com");
  for (const label of ["example.com", "example\0", "a\0.example"]) {
    const bytes = new TextEncoder().encode(label);
    const tail = label === "example.com" ? [0] : [3, 99, 111, 109, 0];
    const query = Uint8Array.from([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, bytes.length, ...bytes, ...tail, 0, 1, 0, 1]);
    const answer = await server.answer(query, "udp");
    assert.ok(answer !== null);
  }
  // The library reads a dot inside a label as two labels: the granted name itself, which is harmless.
  assert.deepEqual([...new Set(resolver.asked)], ["example.com"]);
});

test("many questions at once for one name ask the host once; too many names at once fail", async () => {
  const { ask, resolver } = setup(true);
  const waiting: ((value: Resolution<number>) => void)[] = [];
  resolver.addresses = (name) => {
    resolver.asked.push(name);
    return new Promise((resolve) => waiting.push(resolve));
  };
  const same = Array.from({ length: 10 }, () => ask("one.test", "A"));
  const others = Array.from({ length: 100 }, (_, k) => ask(`n${k}.test`, "A"));
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(resolver.asked.length, 64);
  for (const resolve of waiting) resolve({ status: "found", values: [ip("8.8.8.8")], timeToLiveSeconds: 1 });
  assert.ok((await Promise.all(same)).every(({ rcode }) => rcode === "NOERROR"));
  assert.equal((await Promise.all(others)).filter(({ rcode }) => rcode === "SERVFAIL").length, 37);
});

test("property: whatever bytes come, the answer is nothing or a readable answer with the same id", async () => {
  const { server, ask } = setup(true);
  await ask("example.com", "A");
  const whole = dns.encode({ type: "query", id: 1, flags: 0, questions: [{ type: "A", name: "www.example.com" }] });
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.uint8Array({ maxLength: 100 }),
        fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 4 }).map((changes) => {
          const copy = whole.slice();
          for (const [at, value] of changes) copy[at] = value;
          return copy;
        }),
      ),
      async (message) => {
        const answer = await server.answer(message, "udp");
        if (answer === null) return;
        const decoded = dns.decode(answer);
        assert.equal(decoded.type, "response");
        assert.equal(decoded.id, ((message[0] as number) << 8) | (message[1] as number));
      },
    ),
    { numRuns: 500 },
  );
});

test("refusals are told once per destination and not faster than can be read", () => {
  const { policy, log, clock } = setup("192.0.2.1:80");
  assert.equal(policy.decide(ip("192.0.2.1"), 80, "tcp"), true);
  for (let k = 0; k < 3; k++) assert.equal(policy.decide(ip("93.184.216.34"), 443, "tcp"), false);
  assert.deepEqual(log, [
    "net: refused tcp to 93.184.216.34 port 443: not granted; allow it with --allow-net=93.184.216.34:443",
  ]);
  for (let port = 1; port < 1000; port++) policy.decide(ip("10.9.9.9"), port, "tcp");
  assert.equal(log.length, 10);
  clock.advanceTo(2000);
  policy.decide(ip("10.9.9.9"), 2000, "udp");
  assert.match(log.at(-1) as string, /udp to 10\.9\.9\.9 \(private\) port 2000.*\(and 990 more refused\)/);
});
