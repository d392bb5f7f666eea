import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatIpv4, parseIpv4 } from "../../base/ipv4-address.ts";
import { specialAddressKind } from "./address-ranges.ts";
import { GrantSyntaxError, normalizeHostName, parseGrants } from "./grant-syntax.ts";
import { NetGrants, type NetGrantsOptions } from "./grants.ts";

const ip = (text: string): number => parseIpv4(text) as number;
const GATEWAY = ip("10.0.2.2");

function grants(list: string | boolean, options: Partial<NetGrantsOptions> = {}): NetGrants {
  return new NetGrants(parseGrants(list), { gatewayAddress: GATEWAY, ...options });
}

test("nothing is granted without a list, everything by the bare flag", () => {
  for (const nothing of [grants(false), grants("")]) {
    assert.equal(nothing.grantsNothing, true);
    assert.equal(nothing.allows(ip("93.184.216.34"), 80, 0), false);
    assert.equal(nothing.allows(ip("127.0.0.1"), 80, 0), false);
    assert.equal(nothing.allowsName("example.com"), false);
  }
  const everything = grants(true);
  assert.equal(everything.allows(ip("93.184.216.34"), 80, 0), true);
  assert.equal(everything.allows(ip("127.0.0.1"), 22, 0), true);
  assert.equal(everything.allowsName("anything.test"), true);
  for (const never of ["0.0.0.0", "0.1.2.3", "224.0.0.1", "255.255.255.255"]) {
    assert.equal(everything.allows(ip(never), 80, 0), false, never);
  }
});

test("addresses, networks, ports and port ranges", () => {
  const policy = grants("192.0.2.7:53, 10.0.0.0/8:8000-8099,198.51.100.1");
  assert.equal(policy.allows(ip("192.0.2.7"), 53, 0), true);
  assert.equal(policy.allows(ip("192.0.2.7"), 54, 0), false);
  assert.equal(policy.allows(ip("192.0.2.8"), 53, 0), false);
  assert.equal(policy.allows(ip("10.255.0.1"), 8000, 0), true);
  assert.equal(policy.allows(ip("10.255.0.1"), 8099, 0), true);
  assert.equal(policy.allows(ip("10.255.0.1"), 8100, 0), false);
  assert.equal(policy.allows(ip("11.0.0.1"), 8000, 0), false);
  assert.equal(policy.allows(ip("198.51.100.1"), 1, 0), true);
  assert.equal(policy.allows(ip("198.51.100.1"), 65_535, 0), true);
});

test("a name is reached only after the host's resolver has answered for it, and only on its ports", () => {
  const policy = grants("example.com:443", { graceMilliseconds: 1000 });
  const address = ip("93.184.216.34");
  assert.equal(policy.allows(address, 443, 0), false);
  assert.deepEqual(policy.learn("example.com", [address], 60, 0), [address]);
  assert.equal(policy.allows(address, 443, 0), true);
  assert.equal(policy.allows(address, 80, 0), false);
  assert.equal(policy.allows(address, 443, 60_999), true);
  assert.equal(policy.allows(address, 443, 61_000), false, "time to live and grace are over");
});

test("a wildcard covers every name below, not the name itself nor look-alikes", () => {
  const policy = grants("*.example.com");
  assert.equal(policy.allowsName("www.example.com"), true);
  assert.equal(policy.allowsName("a.b.example.com"), true);
  assert.equal(policy.allowsName("example.com"), false);
  assert.equal(policy.allowsName("evilexample.com"), false);
  assert.equal(policy.allowsName("www.example.com.evil.test"), false);
});

test("a granted name that points inside leads nowhere, unless the address is granted too", () => {
  const inside = [
    "127.0.0.1",
    "10.1.2.3",
    "192.168.1.1",
    "172.16.5.4",
    "169.254.169.254",
    "100.64.0.1",
    "224.0.0.251",
    "0.0.0.0",
  ];
  const policy = grants("rebind.test");
  for (const text of inside) {
    assert.deepEqual(policy.learn("rebind.test", [ip(text)], 60, 0), [], text);
    assert.equal(policy.allows(ip(text), 80, 0), false, text);
  }
  const outside = ip("93.184.216.34");
  assert.deepEqual(policy.learn("rebind.test", [ip("127.0.0.1"), outside], 60, 0), [outside]);

  const both = grants("intranet.test:80,192.168.1.0/24:80");
  assert.deepEqual(both.learn("intranet.test", [ip("192.168.1.9")], 60, 0), [ip("192.168.1.9")]);
  assert.equal(both.allows(ip("192.168.1.9"), 80, 0), true);
  assert.equal(both.allows(ip("192.168.1.9"), 22, 0), false, "the address was granted for port 80 alone");
});

test("a granted name that points at the host itself leads nowhere either", () => {
  const own = ip("93.184.216.34");
  const policy = grants("example.com", { isOwnAddress: (address) => address === own });
  assert.deepEqual(policy.learn("example.com", [own], 60, 0), []);
  assert.equal(policy.allows(own, 80, 0), false);
  const granted = grants("example.com,93.184.216.34:80", { isOwnAddress: (address) => address === own });
  assert.deepEqual(granted.learn("example.com", [own], 60, 0), [own]);
  assert.equal(granted.allows(own, 80, 0), true);
});

test("names that were not granted teach nothing", () => {
  const policy = grants("example.com");
  assert.deepEqual(policy.learn("evil.test", [ip("93.184.216.34")], 60, 0), []);
  assert.equal(policy.allows(ip("93.184.216.34"), 80, 0), false);
});

test("localhost and the gateway's address are the host's loopback", () => {
  for (const list of ["localhost:9000", "LOCALHOST:9000", "127.0.0.1:9000", "10.0.2.2:9000"]) {
    const policy = grants(list);
    assert.equal(policy.allows(ip("127.0.0.1"), 9000, 0), true, list);
    assert.equal(policy.allows(ip("127.0.0.1"), 9001, 0), false, list);
    assert.equal(policy.allows(ip("127.0.0.2"), 9000, 0), false, list);
  }
  assert.equal(
    grants("10.0.0.0/8").allows(ip("127.0.0.1"), 80, 0),
    false,
    "a network that holds the gateway is not loopback",
  );
  assert.equal(grants("example.com").allows(ip("127.0.0.1"), 80, 0), false);
});

test("an address learned for one name does not pass under another name's ports", () => {
  const policy = grants("a.test:80,b.test:443");
  const shared = ip("93.184.216.34");
  policy.learn("a.test", [shared], 60, 0);
  assert.equal(policy.allows(shared, 80, 0), true);
  assert.equal(policy.allows(shared, 443, 0), false);
  policy.learn("b.test", [shared], 60, 0);
  assert.equal(policy.allows(shared, 443, 0), true);
});

test("what is remembered has a bound", () => {
  const policy = grants("*.example.com", { maximumAddresses: 100 });
  for (let k = 0; k < 1000; k++) policy.learn(`h${k}.example.com`, [ip("8.0.0.0") + k], 3600, 0);
  assert.equal(policy.allows(ip("8.0.0.0"), 80, 0), false);
  assert.equal(policy.allows(ip("8.0.0.0") + 999, 80, 0), true);
  for (let k = 0; k < 1000; k++) policy.learn(`n${k}.example.com`, [ip("8.8.8.8")], 3600, 0);
  assert.equal(policy.allows(ip("8.8.8.8"), 80, 0), true);
});

test("what cannot be read is said", () => {
  const bad = [
    "http://example.com",
    "example.com:0",
    "example.com:65536",
    "example.com:90-80",
    "10.0.0.0/33",
    "10.0.0.1/8",
    "1.2.3.4.5",
    "[::1]:80",
    "::1",
    "2130706433",
    "0x7f000001",
    "127.1",
    "exa mple.com",
    "*.*.com",
    "*",
    "a..b",
    "-x.test",
    ":80",
    "1.2.3.04",
    "host:80:90",
    "10.0.0.0/8/9",
    "x/8",
  ];
  for (const item of bad) {
    assert.throws(
      () => parseGrants(item),
      (error) => error instanceof GrantSyntaxError && error.message.includes(item),
      item,
    );
  }
});

test("host names: only what a host may be called, and never a number in disguise", () => {
  assert.equal(normalizeHostName("WWW.Example.COM."), "www.example.com");
  assert.equal(normalizeHostName("_sip._tcp.example.com"), "_sip._tcp.example.com");
  for (const text of [
    "",
    ".",
    "a..b",
    "a\0.com",
    "a b",
    "x".repeat(64),
    `${"a.".repeat(130)}b`,
    "1.2.3.4",
    "127.1",
    "0x7f.0x1",
    "017",
    "ä.test",
    "a/b",
    "a:b",
  ]) {
    assert.equal(normalizeHostName(text), undefined, JSON.stringify(text));
  }
});

test("property: without address grants, no name reaches a special address, whatever the answers are", () => {
  const policy = grants("*.test,other.example:1-1000");
  fc.assert(
    fc.property(
      fc.domain(),
      fc.array(fc.nat(0xffffffff), { maxLength: 4 }),
      fc.integer({ min: 1, max: 65_535 }),
      (name, addresses, port) => {
        policy.learn(`${name}.test`, addresses, 60, 0);
        for (const address of addresses) {
          if (specialAddressKind(address) === null) continue;
          assert.equal(policy.allows(address, port, 0), false, formatIpv4(address));
        }
      },
    ),
  );
});

test("property: reading a grant never throws anything but a syntax error", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(..."0123456789abcx.*:/-[], ") }), (text) => {
      try {
        grants(text).allows(ip("10.0.0.1"), 80, 0);
      } catch (error) {
        assert.ok(error instanceof GrantSyntaxError);
      }
    }),
  );
});
