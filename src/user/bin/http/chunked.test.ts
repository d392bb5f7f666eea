import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ChunkedDecoder } from "./chunked.ts";

/** Decodes text given in pieces: the data and how much of the input was used, or "broken", or "incomplete". */
function decode(pieces: readonly string[]): { data: string; rest: string } | "broken" | "incomplete" {
  const decoder = new ChunkedDecoder();
  let data = "";
  for (const [k, piece] of pieces.entries()) {
    const bytes = Uint8Array.from(piece, (character) => character.charCodeAt(0));
    let at = 0;
    while (at < bytes.length && !decoder.isDone) {
      at = decoder.next(bytes, at, bytes.length);
      if (at < 0) return "broken";
      data += String.fromCharCode(...bytes.subarray(decoder.dataStart, decoder.dataEnd));
    }
    if (decoder.isDone) return { data, rest: piece.slice(at) + pieces.slice(k + 1).join("") };
  }
  return "incomplete";
}

test("chunks, extensions, trailers", () => {
  assert.deepEqual(decode(["3\r\nabc\r\n0\r\n\r\n"]), { data: "abc", rest: "" });
  assert.deepEqual(decode(["3;x=y\r\nabc\r\nA \r\n0123456789\r\n00\r\n\r\nGET"]), {
    data: "abc0123456789",
    rest: "GET",
  });
  assert.deepEqual(decode(["0\r\nA: b\r\nC: d\r\n\r\nX"]), { data: "", rest: "X" });
  assert.equal(decode(["3\r\nabc\r\n0\r\n"]), "incomplete");
  assert.equal(decode([""]), "incomplete");
});

test("broken codings", () => {
  const broken = [
    "\r\n",
    "g\r\n",
    "-1\r\n",
    "3\nabc",
    "3\r\nabcd\r\n",
    "3\r\nabc\n0",
    "3\r\nabc0\r\n\r\n",
    "0\r\nA\rB",
    "0x3\r\n",
    "3\r\r\n",
  ];
  broken.push(`${"0".repeat(14)}\r\n`, `3;${"x".repeat(5000)}`, `0\r\n${"A: b\r\n".repeat(6000)}`);
  for (const text of broken) assert.equal(decode([text]), "broken", JSON.stringify(text.slice(0, 40)));
});

test("however it is cut, the same data comes out", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ minLength: 1 })), fc.array(fc.nat()), fc.string(), (chunks, cuts, rest) => {
      const ascii = (text: string): string => text.replace(/[^\x20-\x7e]/g, "?");
      const clean = chunks.map(ascii);
      const whole = `${clean.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join("")}0\r\n\r\n${ascii(rest)}`;
      const places = [...new Set(cuts.map((cut) => cut % whole.length))].sort((a, b) => a - b);
      const pieces = [0, ...places].map((place, k) => whole.slice(place, places[k] ?? whole.length));
      assert.deepEqual(decode(pieces), { data: clean.join(""), rest: ascii(rest) });
    }),
  );
});
