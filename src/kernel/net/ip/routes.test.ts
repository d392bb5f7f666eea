import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { prefixMask } from "../../../base/ipv4-address.ts";
import type { NetInterface } from "../interface.ts";
import { RouteTable } from "./routes.ts";

const eth0 = { isUp: true, name: "eth0" } as NetInterface;

describe("the routing table", () => {
  it("prefers the longest prefix, then the lowest metric", () => {
    const table = new RouteTable();
    assert.equal(table.add({ destination: 0, prefixLength: 0, gateway: 1, netInterface: eth0 }), 0);
    assert.equal(table.add({ destination: 0x0a000000, prefixLength: 8, gateway: 2, netInterface: eth0, metric: 5 }), 0);
    assert.equal(table.add({ destination: 0x0a000000, prefixLength: 8, gateway: 3, netInterface: eth0, metric: 1 }), 0);
    assert.equal(table.add({ destination: 0x0a010000, prefixLength: 16, gateway: 4, netInterface: eth0 }), 0);
    assert.equal(table.lookup(0x08080808)?.gateway, 1);
    assert.equal(table.lookup(0x0a020304)?.gateway, 3);
    assert.equal(table.lookup(0x0a010304)?.gateway, 4);
    assert.equal(table.remove({ destination: 0x0a000000, prefixLength: 8, metric: 1 }), 0);
    assert.equal(table.lookup(0x0a020304)?.gateway, 2);
    assert.equal(table.generation, 5);
  });

  it("refuses what makes no sense", () => {
    const table = new RouteTable();
    assert.equal(table.add({ destination: 0x0a000001, prefixLength: 24, netInterface: eth0 }), -22);
    assert.equal(table.add({ destination: 0, prefixLength: 33, netInterface: eth0 }), -22);
    assert.equal(table.add({ destination: 0xffffffff, prefixLength: 32, netInterface: eth0 }), 0);
    assert.equal(table.add({ destination: 0xffffffff, prefixLength: 32, netInterface: eth0 }), -17);
    assert.equal(table.remove({ destination: 1, prefixLength: 32 }), -3);
    assert.equal(table.lookup(5), null);
  });

  it("passes over interfaces that are down", () => {
    const table = new RouteTable();
    const down = { isUp: false } as NetInterface;
    table.add({ destination: 0, prefixLength: 0, gateway: 1, netInterface: eth0 });
    table.add({ destination: 0x0a000000, prefixLength: 8, gateway: 2, netInterface: down });
    assert.equal(table.lookup(0x0a000001)?.gateway, 1);
  });

  it("finds what a search through all entries finds", () => {
    const entry = fc.record({
      address: fc.nat(0xffff),
      prefixLength: fc.integer({ min: 16, max: 32 }),
      metric: fc.nat(3),
    });
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 40 }), fc.array(fc.nat(0xffff)), (entries, targets) => {
        const table = new RouteTable();
        for (const [k, { address, prefixLength, metric }] of entries.entries()) {
          const destination = (address & prefixMask(prefixLength)) >>> 0;
          table.add({ destination, prefixLength, metric, gateway: k + 1, netInterface: eth0 });
        }
        for (const target of targets) {
          const best = table
            .list()
            .filter((e) => ((target ^ e.destination) & prefixMask(e.prefixLength)) === 0)
            .sort((a, b) => b.prefixLength - a.prefixLength || a.metric - b.metric)[0];
          assert.equal(table.lookup(target)?.gateway, best?.gateway);
        }
      }),
    );
  });
});
