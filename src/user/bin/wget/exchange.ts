/** One request and its answer over a connection of its own: the head read, the body handed on piece by piece as it comes. */
import { EAGAIN, ECONNREFUSED } from "../../libakuma/constants.ts";
import { type Akuma, AkumaError, decodeText, reason, type TcpStream } from "../../libakuma/index.ts";
import { ChunkedDecoder } from "../http/chunked.ts";
import {
  type BodyFraming,
  bodyFraming,
  findHeadEnd,
  parseResponseHead,
  type ResponseHead,
} from "../http/response-head.ts";
import { encodeBase64, type HttpUrl, hostField } from "../http/url.ts";
import { ExitCode, Failure } from "./failure.ts";

const MOST_HEAD_BYTES = 64 * 1024;
/** Also what is read at once: large, so that a call moves much. */
const BLOCK_BYTES = 256 * 1024;

export interface RequestOptions {
  timeoutMilliseconds: number;
  userAgent: string;
  /** Ask for the bytes from here on; 0 for all of them. */
  from: number;
  /** The entity tag or date that the first bytes were of; "" where the server gave none. */
  validator: string;
}

/** Takes bytes of process memory at [start, end). */
export type BodySink = (start: number, end: number) => void | Promise<void>;

/** The request's text. */
export function formatRequest(url: HttpUrl, options: RequestOptions): string {
  const lines = [
    `GET ${url.target} HTTP/1.1`,
    `Host: ${hostField(url)}`,
    `User-Agent: ${options.userAgent}`,
    "Accept: */*",
    "Accept-Encoding: identity",
    "Connection: close",
  ];
  if (url.userInformation !== "") lines.push(`Authorization: Basic ${encodeBase64(url.userInformation)}`);
  if (options.from > 0) lines.push(`Range: bytes=${options.from}-`);
  // RFC 9110 13.1.5: without it, bytes of another version could be appended.
  if (options.from > 0) lines.push(`If-Range: ${options.validator}`);
  return `${lines.join("\r\n")}\r\n\r\n`;
}

export class Exchange {
  readonly head: ResponseHead;
  readonly framing: BodyFraming;
  private readonly akuma: Akuma;
  private readonly stream: TcpStream;
  private readonly block: Uint8Array;
  /** What was read beyond the head. */
  private readonly bodyStart: number;
  private readonly bodyEnd: number;

  /** Connects, asks, and reads the head of the answer. */
  static async open(akuma: Akuma, url: HttpUrl, options: RequestOptions): Promise<Exchange> {
    const stream = await connect(akuma, url, options.timeoutMilliseconds);
    const block = akuma.allocate(BLOCK_BYTES);
    try {
      const timeout = options.timeoutMilliseconds === Number.POSITIVE_INFINITY ? null : options.timeoutMilliseconds;
      stream.setReadTimeout(timeout);
      stream.setWriteTimeout(timeout);
      await stream.writeAll(formatRequest(url, options));
      return await Exchange.readHead(akuma, stream, block);
    } catch (error) {
      stream.close();
      akuma.free(block);
      throw asFailure(error, "no answer");
    }
  }

  private static async readHead(akuma: Akuma, stream: TcpStream, block: Uint8Array): Promise<Exchange> {
    let length = 0;
    for (;;) {
      const headEnd = findHeadEnd(block, Math.min(length, MOST_HEAD_BYTES));
      if (headEnd === 0) {
        if (length >= MOST_HEAD_BYTES) throw new Failure(ExitCode.protocol, "the head of the answer does not end");
        const count = await stream.read(block.subarray(length));
        if (count === 0) throw new Failure(ExitCode.network, "the connection was closed before an answer came", true);
        length += count;
        continue;
      }
      const head = parseResponseHead(decodeText(block, 0, headEnd));
      if (typeof head === "string") throw new Failure(ExitCode.protocol, head);
      if (head.status >= 200) {
        const framing = bodyFraming(head, false);
        if (typeof framing === "string") throw new Failure(ExitCode.protocol, framing);
        return new Exchange(akuma, stream, block, head, framing, headEnd, length);
      }
      // RFC 9110 15.2: interim answers may come first. 101 was not asked for.
      if (head.status === 101) throw new Failure(ExitCode.protocol, "the server switched protocols unasked");
      block.copyWithin(0, headEnd, length);
      length -= headEnd;
    }
  }

  private constructor(
    akuma: Akuma,
    stream: TcpStream,
    block: Uint8Array,
    head: ResponseHead,
    framing: BodyFraming,
    bodyStart: number,
    bodyEnd: number,
  ) {
    this.akuma = akuma;
    this.stream = stream;
    this.block = block;
    this.head = head;
    this.framing = framing;
    this.bodyStart = block.byteOffset + bodyStart;
    this.bodyEnd = block.byteOffset + bodyEnd;
  }

  /** Hands the whole body to `sink`. Throws a passing Failure where the connection ends before the body does. */
  async readBody(sink: BodySink): Promise<void> {
    const { framing } = this;
    if (framing.kind === "none") return;
    const take =
      framing.kind === "chunked"
        ? this.chunkedReader(sink)
        : this.countingReader(sink, framing.kind === "length" ? framing.length : Number.POSITIVE_INFINITY);
    let isDone = take(this.bodyStart, this.bodyEnd);
    while (!(typeof isDone === "boolean" ? isDone : await isDone)) {
      const count = await this.read();
      if (count === 0) {
        if (framing.kind === "close") return;
        throw new Failure(ExitCode.network, "the connection was closed in the middle of the file", true);
      }
      isDone = take(this.block.byteOffset, this.block.byteOffset + count);
    }
  }

  close(): void {
    this.stream.close();
    this.akuma.free(this.block);
  }

  private async read(): Promise<number> {
    try {
      const result = this.stream.read(this.block);
      return typeof result === "number" ? result : await result;
    } catch (error) {
      throw asFailure(error, "read error");
    }
  }

  /** Each call takes bytes and tells whether the body is complete. */
  private countingReader(sink: BodySink, length: number): (start: number, end: number) => boolean | Promise<boolean> {
    let left = length;
    return (start, end) => {
      // What a server sends beyond the length it announced is not part of the file.
      const count = Math.min(left, end - start);
      left -= count;
      const waiting = count > 0 ? sink(start, start + count) : undefined;
      return waiting === undefined ? left === 0 : waiting.then(() => left === 0);
    };
  }

  private chunkedReader(sink: BodySink): (start: number, end: number) => Promise<boolean> {
    const decoder = new ChunkedDecoder();
    const { bytes } = this.akuma.memory;
    return async (start, end) => {
      let at = start;
      while (at < end && !decoder.isDone) {
        at = decoder.next(bytes, at, end);
        if (at < 0) throw new Failure(ExitCode.protocol, "the chunked coding of the answer is broken");
        if (decoder.dataEnd > decoder.dataStart) await sink(decoder.dataStart, decoder.dataEnd);
      }
      return decoder.isDone;
    };
  }
}

async function connect(akuma: Akuma, url: HttpUrl, timeoutMilliseconds: number): Promise<TcpStream> {
  let address: string;
  try {
    address = await akuma.net.resolve(url.host);
  } catch (error) {
    throw new Failure(ExitCode.network, `unable to resolve host address '${url.host}': ${reason(error)}`);
  }
  const where = address === url.host ? `${address}:${url.port}` : `${url.host} (${address}:${url.port})`;
  try {
    return timeoutMilliseconds === Number.POSITIVE_INFINITY
      ? await akuma.net.TcpStream.connect(`${address}:${url.port}`)
      : await akuma.net.TcpStream.connectTimeout(`${address}:${url.port}`, timeoutMilliseconds);
  } catch (error) {
    // As GNU wget: whoever refuses once will refuse again.
    const isPassing = !(error instanceof AkumaError && error.errno === ECONNREFUSED);
    throw new Failure(ExitCode.network, `connecting to ${where} failed: ${reason(error)}`, isPassing);
  }
}

function asFailure(error: unknown, doing: string): Failure {
  if (error instanceof Failure) return error;
  const isTimeout = error instanceof AkumaError && error.errno === EAGAIN;
  return new Failure(ExitCode.network, `${doing}: ${isTimeout ? "timed out" : reason(error)}`, true);
}
