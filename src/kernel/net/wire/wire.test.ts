import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { ARP_FIELDS, readArp, writeArp } from "./arp.ts";
import { type HeaderField, readField } from "./bytes.ts";
import { ETHERNET_FIELDS, formatMac, readEthernet, writeEthernet } from "./ethernet.ts";
import { ICMP_FIELDS, isIcmpError, readIcmp, writeIcmp } from "./icmp.ts";
import { checkIpv4Options, IPV4_FIELDS, readIpv4, readIpv4Fields, writeIpv4 } from "./ipv4.ts";
import { readTcp, readTcpOptions, TCP_FIELDS, tcpOptionsLength, writeTcp, writeTcpOptions } from "./tcp.ts";
import { readUdp, UDP_FIELDS, writeUdp } from "./udp.ts";

const uint8 = fc.integer({ min: 0, max: 0xff });
const uint16 = fc.integer({ min: 0, max: 0xffff });
const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });
const int32 = fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff });
/** Plain objects, as the codecs return them. */
function record<T extends Record<string, unknown>>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(model, { noNullPrototype: true }) as fc.Arbitrary<T>;
}
const hex = (content: string): Uint8Array => Uint8Array.from(Buffer.from(content.replace(/\s/g, ""), "hex"));

/** The fields of a header by its table, read bit by bit. */
function byTable(table: readonly HeaderField[], bytes: Uint8Array, offset: number): Record<string, number> {
  return Object.fromEntries(table.map((field) => [field.name, readField(bytes, offset, field)]));
}

describe("the header codecs", () => {
  it("Ethernet: what is written is read, and lies where the table says", () => {
    const header = record({
      destinationHigh: uint16,
      destinationLow: uint32,
      sourceHigh: uint16,
      sourceLow: uint32,
      type: uint16,
    });
    fc.assert(
      fc.property(header, fc.nat(9), (values, offset) => {
        const bytes = new Uint8Array(30);
        writeEthernet(bytes, offset, values);
        assert.deepEqual(readEthernet(bytes, offset, 14), values);
        assert.deepEqual(byTable(ETHERNET_FIELDS, bytes, offset), {
          destination: values.destinationHigh * 2 ** 32 + values.destinationLow,
          source: values.sourceHigh * 2 ** 32 + values.sourceLow,
          type: values.type,
        });
      }),
    );
    assert.equal(readEthernet(new Uint8Array(14), 0, 13), null);
    assert.equal(formatMac(hex("ff 02 0a 00 00 00 01"), 1), "02:0a:00:00:00:01");
  });

  it("ARP: what is written is read, and lies where the table says", () => {
    const packet = record({
      operation: uint16,
      senderHigh: uint16,
      senderLow: uint32,
      senderAddress: uint32,
      targetHigh: uint16,
      targetLow: uint32,
      targetAddress: uint32,
    });
    fc.assert(
      fc.property(packet, (values) => {
        const bytes = new Uint8Array(28);
        writeArp(bytes, 0, values);
        assert.deepEqual(readArp(bytes, 0, 28), values);
        const fields = byTable(ARP_FIELDS, bytes, 0);
        assert.equal(fields["hardwareType"], 1);
        assert.equal(fields["protocolType"], 0x0800);
        assert.equal(fields["hardwareLength"], 6);
        assert.equal(fields["protocolLength"], 4);
        assert.equal(fields["operation"], values.operation);
        assert.equal(fields["senderMac"], values.senderHigh * 2 ** 32 + values.senderLow);
        assert.equal(fields["targetAddress"], values.targetAddress);
      }),
    );
    const tokenRing = new Uint8Array(28);
    writeArp(tokenRing, 0, {
      operation: 1,
      senderHigh: 0,
      senderLow: 0,
      senderAddress: 0,
      targetHigh: 0,
      targetLow: 0,
      targetAddress: 0,
    });
    tokenRing[1] = 6;
    assert.equal(readArp(tokenRing, 0, 28), null);
    assert.equal(readArp(new Uint8Array(28), 0, 27), null);
  });

  const ipv4 = record({
    headerLength: fc.constantFrom(20, 24, 60),
    typeOfService: uint8,
    totalLength: fc.integer({ min: 60, max: 100 }),
    identification: uint16,
    dontFragment: fc.boolean(),
    moreFragments: fc.boolean(),
    fragmentOffset: fc.nat(8191).map((units) => units * 8),
    timeToLive: uint8,
    protocol: uint8,
    source: uint32,
    destination: uint32,
  });

  it("IPv4: what is written is read, and lies where the table says", () => {
    fc.assert(
      fc.property(ipv4, (values) => {
        const bytes = new Uint8Array(100);
        writeIpv4(bytes, 0, values);
        const read = readIpv4(bytes, 0, 100);
        assert.ok(read);
        assert.deepEqual(read, { ...values, checksum: read.checksum });
        const fields = byTable(IPV4_FIELDS, bytes, 0);
        assert.equal(fields["version"], 4);
        assert.equal(fields["headerWords"], values.headerLength / 4);
        assert.equal(fields["totalLength"], values.totalLength);
        assert.equal(fields["fragmentOffset"], values.fragmentOffset / 8);
        assert.equal(fields["dontFragment"], Number(values.dontFragment));
        assert.equal(fields["moreFragments"], Number(values.moreFragments));
        assert.equal(fields["timeToLive"], values.timeToLive);
        assert.equal(fields["protocol"], values.protocol);
        assert.equal(fields["destination"], values.destination);
      }),
    );
  });

  it("IPv4: one flipped bit anywhere in the header is noticed", () => {
    fc.assert(
      fc.property(ipv4, fc.nat(159), (values, bit) => {
        const bytes = new Uint8Array(100);
        writeIpv4(bytes, 0, { ...values, headerLength: 20 });
        bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
        assert.equal(readIpv4(bytes, 0, 100), null);
      }),
    );
  });

  it("IPv4: a known header", () => {
    // The example of RFC 1071's use that text books give: checksum b861.
    const bytes = hex("45000073 00004000 40110000 c0a80001 c0a800c7");
    const header = readIpv4Fields(bytes, 0);
    assert.equal(header.totalLength, 0x73);
    assert.equal(header.dontFragment, true);
    writeIpv4(bytes, 0, header);
    assert.deepEqual(bytes.subarray(10, 12), hex("b861"));
    assert.equal(readIpv4(bytes, 0, 0x72), null, "longer than what is there");
  });

  it("IPv4: options are walked by their lengths", () => {
    const check = (options: string): string => {
      const bytes = new Uint8Array(20 + options.length / 2);
      bytes.set(hex(options), 20);
      return checkIpv4Options(bytes, 0, bytes.length);
    };
    assert.equal(check("01010100"), "fine");
    assert.equal(check("94040000"), "fine", "router alert");
    assert.equal(check("00ffffff"), "fine", "nothing counts behind the end of the list");
    assert.equal(check("07270000"), "malformed", "longer than the header");
    assert.equal(check("07010000"), "malformed", "a length that does not cover itself");
    assert.equal(check("01010107"), "malformed", "no room for the length");
    assert.equal(check("83030400"), "source-route");
    assert.equal(check("01890304"), "source-route");
  });

  it("UDP: what is written is read, and bad lengths are refused", () => {
    const header = record({ sourcePort: uint16, destinationPort: uint16, checksum: uint16 });
    fc.assert(
      fc.property(header, uint16, fc.nat(70_000), (ports, length, available) => {
        const values = { ...ports, length };
        const bytes = new Uint8Array(8);
        writeUdp(bytes, 0, values);
        assert.deepEqual(readUdp(bytes, 0, available), length >= 8 && length <= available ? values : null);
        assert.deepEqual(byTable(UDP_FIELDS, bytes, 0), values);
      }),
    );
  });

  it("ICMP: what is written is read, and lies where the table says", () => {
    fc.assert(
      fc.property(record({ type: uint8, code: uint8, identifier: uint16, sequence: uint16 }), (values) => {
        const bytes = new Uint8Array(8);
        writeIcmp(bytes, 0, values);
        assert.deepEqual(readIcmp(bytes, 0, 8), values);
        assert.deepEqual(byTable(ICMP_FIELDS, bytes, 0), { ...values, checksum: 0 });
      }),
    );
    assert.equal(readIcmp(new Uint8Array(8), 0, 7), null);
    assert.deepEqual([0, 3, 4, 5, 8, 11, 12, 13].filter(isIcmpError), [3, 4, 5, 11, 12]);
  });
});

describe("the TCP header", () => {
  const options = fc.oneof(
    fc.record(
      { maximumSegmentSize: uint16, windowScale: fc.nat(14), sackPermitted: fc.constant(true) },
      { requiredKeys: [], noNullPrototype: true },
    ),
    record({ timestampValue: uint32, timestampEcho: uint32 }),
    record({
      sackBlocks: fc.array(fc.tuple(int32, int32), { minLength: 1, maxLength: 4 }).map((pairs) => pairs.flat()),
    }),
  );
  const header = record({
    sourcePort: uint16,
    destinationPort: uint16,
    sequence: int32,
    acknowledgment: int32,
    flags: uint8,
    window: uint16,
    urgentPointer: uint16,
    options,
  });

  it("what is written is read, and lies where the table says", () => {
    fc.assert(
      fc.property(header, (values) => {
        const bytes = new Uint8Array(60);
        const length = writeTcp(bytes, 0, values);
        assert.equal(length, 20 + tcpOptionsLength(values.options));
        assert.deepEqual(readTcp(bytes, 0, length), { ...values, headerLength: length, checksum: 0 });
        const fields = byTable(TCP_FIELDS, bytes, 0);
        assert.equal(fields["headerWords"], length / 4);
        assert.equal(fields["flags"], values.flags);
        assert.equal(fields["sequence"], values.sequence >>> 0);
        assert.equal(fields["window"], values.window);
        assert.equal(fields["urgentPointer"], values.urgentPointer);
      }),
    );
  });

  it("a SYN as it is captured from Linux", () => {
    const bytes = hex("c0de0050 12345678 00000000 a002fa00 00000000 020405b4 0402080a 00a1b2c3 00000000 01030307");
    const read = readTcp(bytes, 0, bytes.length);
    assert.ok(read);
    assert.equal(read.headerLength, 40);
    assert.equal(read.window, 0xfa00);
    assert.deepEqual(read.options, {
      maximumSegmentSize: 1460,
      sackPermitted: true,
      timestampValue: 0x00a1b2c3,
      timestampEcho: 0,
      windowScale: 7,
    });
  });

  it("refuses a header that does not fit, and skips options it does not know", () => {
    const bytes = new Uint8Array(20);
    for (const [words, available] of [
      [4, 60],
      [6, 20],
      [15, 59],
    ] as const) {
      bytes[12] = words << 4;
      assert.equal(readTcp(bytes, 0, available), null);
    }
    assert.deepEqual(readTcpOptions(hex("fe04aabb 020405b4"), 0, 8), { maximumSegmentSize: 1460 });
    assert.deepEqual(readTcpOptions(hex("0301"), 0, 2), {}, "an option that ends beyond the header");
    assert.deepEqual(readTcpOptions(hex("0200020405b4"), 0, 6), {}, "a length of zero does not loop");
    assert.deepEqual(readTcpOptions(hex("030320"), 0, 3), { windowScale: 14 }, "RFC 7323 2.3: 14 at most");
  });

  it("any bytes are read without harm", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        readTcp(bytes, 0, bytes.length);
        readIpv4(bytes, 0, bytes.length);
        readUdp(bytes, 0, bytes.length);
        readIcmp(bytes, 0, bytes.length);
        readArp(bytes, 0, bytes.length);
        const values = readTcpOptions(bytes, 0, bytes.length);
        const again = new Uint8Array(200);
        assert.deepEqual(readTcpOptions(again, 0, writeTcpOptions(again, 0, values)), values);
      }),
    );
  });
});
