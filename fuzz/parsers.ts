/** Random bytes, and valid messages with random changes, into every parser of bytes and text. None may throw, whatever comes. */
import { nextBelow, SeededRandom } from "../src/base/random.ts";
import { GrantSyntaxError, parseGrants } from "../src/host/gateway/grant-syntax.ts";
import { PublishSyntaxError, parsePublish } from "../src/host/gateway/publish-syntax.ts";
import { readArp } from "../src/kernel/net/wire/arp.ts";
import { readEthernet } from "../src/kernel/net/wire/ethernet.ts";
import { readIcmp } from "../src/kernel/net/wire/icmp.ts";
import { checkIpv4Options, readIpv4 } from "../src/kernel/net/wire/ipv4.ts";
import { readTcp, readTcpOptions } from "../src/kernel/net/wire/tcp.ts";
import { readUdp } from "../src/kernel/net/wire/udp.ts";
import { encodeQuestion, readAnswer } from "../src/kernel/resolver/dns-message.ts";
import { parseHosts } from "../src/kernel/resolver/hosts-file.ts";
import { decodeSocketAddress, SocketAddress } from "../src/kernel/socket/socket-address.ts";
import { ChunkedDecoder } from "../src/user/bin/http/chunked.ts";
import { parseHttpDate } from "../src/user/bin/http/date.ts";
import { bodyFraming, findHeadEnd, parseResponseHead } from "../src/user/bin/http/response-head.ts";
import { parseUrl, resolveUrl } from "../src/user/bin/http/url.ts";
import { decodePath } from "../src/user/bin/httpd/path.ts";
import { parseRange } from "../src/user/bin/httpd/range.ts";
import { RequestHead } from "../src/user/bin/httpd/request-head.ts";
import { splitHostPort } from "../src/user/libakuma/socket-address.ts";

export interface ParserFuzzResult {
  inputs: number;
}

const LONGEST = 600;
const encoder = new TextEncoder();

/** Valid input that changes are made to. */
const samples: readonly Uint8Array[] = [
  encoder.encode(
    'GET /a%20b/index.html?x=1 HTTP/1.1\r\nHost: example.com\r\nRange: bytes=0-9,20-\r\nIf-None-Match: "x"\r\n\r\n',
  ),
  encoder.encode("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
  encoder.encode("HTTP/1.1 302 Found\r\nLocation: ../x\r\nContent-Length: 12\r\nConnection: close\r\n\r\n"),
  encoder.encode("1a;ext=1\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\nTrailer: x\r\n\r\n"),
  encoder.encode("http://user:pw@example.com:8080/a/b?c#d"),
  encoder.encode("bytes=0-0,-5,7-"),
  encoder.encode("Sun, 06 Nov 1994 08:49:37 GMT"),
  encoder.encode("127.0.0.1 localhost # x\n10.0.0.1\thost alias\n"),
  encoder.encode("*.example.com:80-90,10.0.0.0/8,127.0.0.1:9000"),
  encoder.encode("127.0.0.1:8080:80/udp"),
  encodeQuestion(4711, "www.example.com"),
  Uint8Array.of(
    0x45,
    0,
    0,
    40,
    0,
    1,
    0x40,
    0,
    64,
    6,
    0,
    0,
    10,
    0,
    0,
    1,
    10,
    0,
    0,
    2,
    0,
    80,
    1,
    0,
    0,
    0,
    0,
    1,
    0,
    0,
    0,
    2,
    0x80,
    0x12,
    1,
    0,
    0,
    0,
    0,
    0,
    2,
    4,
    5,
    0xb4,
    1,
    3,
    3,
    7,
  ),
  Uint8Array.of(0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2),
];

const address = new SocketAddress();
const into = new Uint8Array(4096);
const base = parseUrl("http://example.com/a/b");

const parsers: readonly ((bytes: Uint8Array, text: string, random: SeededRandom) => unknown)[] = [
  (bytes) => readEthernet(bytes, 0, bytes.length),
  (bytes) => readArp(bytes, 0, bytes.length),
  (bytes) => {
    const header = readIpv4(bytes, 0, bytes.length);
    return header === null ? 0 : checkIpv4Options(bytes, 0, Math.min(bytes.length, ((bytes[0] as number) & 15) * 4));
  },
  (bytes) => readIcmp(bytes, 0, bytes.length),
  (bytes) => readUdp(bytes, 0, bytes.length),
  (bytes) => readTcp(bytes, 0, bytes.length),
  (bytes) => readTcpOptions(bytes, 0, Math.min(40, bytes.length)),
  (bytes) => readAnswer(bytes, 4711, "www.example.com", false),
  (bytes) => decodeSocketAddress(bytes, 0, bytes.length, address),
  (_, text) => parseHosts(text),
  (bytes) => new RequestHead().parse(bytes, 0, bytes.length),
  (_, text) => {
    const head = parseResponseHead(text);
    return typeof head === "string" ? head : bodyFraming(head, false);
  },
  (bytes) => findHeadEnd(bytes, bytes.length),
  (bytes, _, random) => {
    const decoder = new ChunkedDecoder();
    for (let at = 0; at < bytes.length; ) {
      const next = Math.min(bytes.length, at + 1 + nextBelow(random, 40));
      for (let from = at; from < next && !decoder.isDone; ) {
        from = decoder.next(bytes, from, next);
        if (from < 0) return;
      }
      at = next;
    }
  },
  (_, text) => parseUrl(text),
  (_, text) => ("fault" in base ? base : resolveUrl(base, text)),
  (bytes) => decodePath(bytes, 0, bytes.length, into, 0),
  (_, text) => parseRange(text, 1000),
  (_, text) => parseHttpDate(text, 0),
  (_, text) => splitHostPort(text),
  (_, text) => expected(GrantSyntaxError, () => parseGrants(text)),
  (_, text) => expected(PublishSyntaxError, () => parsePublish(text)),
];

/** Parsers of what the operator types say what is wrong by an error of their own; any other is a bug. */
function expected(kind: new (...parameters: never[]) => Error, run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    if (error instanceof kind) return null;
    throw error;
  }
}

function makeInput(random: SeededRandom): Uint8Array {
  if (nextBelow(random, 4) === 0) {
    const noise = new Uint8Array(nextBelow(random, LONGEST));
    random.fill(noise, 0, noise.length);
    return noise;
  }
  const sample = samples[nextBelow(random, samples.length)] as Uint8Array;
  let bytes = sample.slice();
  for (let k = nextBelow(random, 5); k > 0 && bytes.length > 1; k--) {
    const at = nextBelow(random, bytes.length);
    switch (nextBelow(random, 4)) {
      case 0:
        bytes[at] = random.nextUint32();
        break;
      case 1:
        bytes = bytes.slice(0, at); // cut
        break;
      case 2: // a part again
        bytes = Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(nextBelow(random, at + 1))]).slice(
          0,
          LONGEST,
        );
        break;
      default:
        bytes[at] = [0, 10, 13, 32, 37, 46, 47, 58, 255][nextBelow(random, 9)] as number;
    }
  }
  return bytes;
}

/** Runs until `isDone`; throws with the seed in the message. */
export async function fuzzParsers(
  seed: number,
  isDone: (result: ParserFuzzResult) => boolean,
): Promise<ParserFuzzResult> {
  const result: ParserFuzzResult = { inputs: 0 };
  const decoder = new TextDecoder("latin1");
  for (let round = seed; !isDone(result); round++) {
    const random = new SeededRandom(round);
    for (let k = 0; k < 500; k++) {
      const bytes = makeInput(random);
      const text = decoder.decode(bytes);
      for (let p = 0; p < parsers.length; p++) {
        try {
          parsers[p]?.(bytes, text, random);
        } catch (error) {
          const hexadecimal = Buffer.from(bytes).toString("hex");
          throw new Error(`parser ${p} threw with seed ${round} on ${hexadecimal}: ${(error as Error).message}`, {
            cause: error,
          });
        }
      }
      result.inputs++;
    }
  }
  return result;
}
