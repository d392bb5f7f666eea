/**
 * Reads the head of a request where it lies, without making a string of any field. Strict, as RFC 9112 11.2 advises against
 * request smuggling: what two parsers could read differently is refused.
 */
import {
  COLON,
  CR,
  equalsIgnoringCase,
  isFieldByte,
  isTargetByte,
  isTokenByte,
  LF,
  listHas,
  parseDecimal,
  SPACE,
  TAB,
} from "../http/syntax.ts";

export const Method = { get: 1, head: 2, known: 3, unknown: 4 } as const;

export const MOST_TARGET_BYTES: number = 8 * 1024;
export const MOST_HEAD_BYTES: number = 16 * 1024;
const MOST_FIELDS = 100;
/** RFC 9112 2.2: empty lines before a request line are to be ignored. How many bytes of them. */
const MOST_LEADING_BYTES = 8;

/** Start and end of a field's value; both 0 where there is no such field. */
export class Span {
  start = 0;
  end = 0;

  get isPresent(): boolean {
    return this.end !== 0;
  }
}

/** One request's head; meant to be used again and again. Positions are indexes into the bytes that were parsed. */
export class RequestHead {
  method = 0;
  /** The path, without the query. */
  pathStart = 0;
  pathEnd = 0;
  /** The target as a whole, for redirects and logs. */
  targetStart = 0;
  targetEnd = 0;
  /** 0 or 1: of HTTP/1.x. */
  minorVersion = 1;
  keepAlive = true;
  /** Bytes of the body; 0 where there is none. */
  contentLength = 0;
  isChunked = false;
  expectsContinue = false;
  readonly range: Span = new Span();
  readonly ifMatch: Span = new Span();
  readonly ifNoneMatch: Span = new Span();
  readonly ifModifiedSince: Span = new Span();
  readonly ifUnmodifiedSince: Span = new Span();
  readonly ifRange: Span = new Span();

  private hasHost = false;
  private hasContentLength = false;
  private hasTransferEncoding = false;
  /** Whether any of the spans above is there. */
  hasConditions = false;
  private saysClose = false;

  private reset(): void {
    this.keepAlive = true;
    this.contentLength = 0;
    this.isChunked = false;
    this.expectsContinue = false;
    this.hasHost = false;
    this.hasContentLength = false;
    this.hasTransferEncoding = false;
    this.saysClose = false;
    if (!this.hasConditions) return;
    this.hasConditions = false;
    const spans = [
      this.range,
      this.ifMatch,
      this.ifNoneMatch,
      this.ifModifiedSince,
      this.ifUnmodifiedSince,
      this.ifRange,
    ];
    for (const span of spans) span.end = 0;
  }

  /**
   * Reads a head from bytes[start, end). The index after it; 0 when it is not complete yet; a negative HTTP status where the
   * request is refused (the connection must then be closed, since where the next request begins is unknown).
   */
  parse(bytes: Uint8Array, start: number, end: number): number {
    this.reset();
    let at = start;
    while (at < end && (bytes[at] === CR || bytes[at] === LF) && at - start < MOST_LEADING_BYTES) at++;
    const lineEnd = this.parseRequestLine(bytes, at, end);
    if (lineEnd <= 0) return lineEnd;
    at = lineEnd;
    for (let fields = 0; ; fields++) {
      if (at - start > MOST_HEAD_BYTES) return -431;
      if (at >= end) return 0;
      if (bytes[at] === CR) {
        if (at + 1 >= end) return 0;
        return bytes[at + 1] === LF ? this.finish(at + 2) : -400;
      }
      if (fields === MOST_FIELDS) return -431;
      const next = this.parseField(bytes, at, end);
      if (next === 0 && end - start > MOST_HEAD_BYTES) return -431;
      if (next <= 0) return next;
      at = next;
    }
  }

  /** RFC 9112 3: method SP request-target SP HTTP-version CRLF, one space each. */
  private parseRequestLine(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    while (at < end && isTokenByte[bytes[at] as number] === 1) at++;
    if (at === end) return at - start > 32 ? -501 : 0;
    if (at === start || bytes[at] !== SPACE) return -400;
    this.method = methodOf(bytes, start, at);
    at++;
    this.targetStart = at;
    this.pathEnd = 0;
    while (at < end && isTargetByte[bytes[at] as number] === 1) {
      if (this.pathEnd === 0 && bytes[at] === 0x3f) this.pathEnd = at;
      at++;
    }
    if (at - this.targetStart > MOST_TARGET_BYTES) return -414;
    if (at === end) return 0;
    this.targetEnd = at;
    if (this.pathEnd === 0) this.pathEnd = at;
    if (at === this.targetStart || bytes[at] !== SPACE) return -400;
    at++;
    const line = this.parseVersion(bytes, at, end);
    if (line <= 0) return line;
    const fault = this.checkTarget(bytes);
    return fault === 0 ? line : fault;
  }

  /** "HTTP/" DIGIT "." DIGIT, then CRLF. */
  private parseVersion(bytes: Uint8Array, start: number, end: number): number {
    const available = Math.min(5, end - start);
    for (let k = 0; k < available; k++) if (bytes[start + k] !== "HTTP/".charCodeAt(k)) return -400;
    if (end - start < 10) {
      const prefixEnd = Math.min(end, start + 8);
      for (let k = start + 5; k < prefixEnd; k++) if (isFieldByte[bytes[k] as number] !== 1) return -400;
      return 0;
    }
    const major = (bytes[start + 5] as number) - 0x30;
    const minor = (bytes[start + 7] as number) - 0x30;
    const isVersion = major >= 0 && major <= 9 && bytes[start + 6] === 0x2e && minor >= 0 && minor <= 9;
    if (!isVersion || bytes[start + 8] !== CR || bytes[start + 9] !== LF) return -400;
    if (major !== 1) return -505;
    // RFC 9112 2.3: a higher minor version is treated as the highest that is understood.
    this.minorVersion = Math.min(minor, 1);
    this.keepAlive = this.minorVersion === 1;
    return start + 10;
  }

  /** RFC 9112 3.2: origin form, absolute form (cut down to its path), "*" for OPTIONS, authority form for CONNECT. */
  private checkTarget(bytes: Uint8Array): number {
    this.pathStart = this.targetStart;
    if (bytes[this.targetStart] === 0x2f) return 0;
    if (this.method >= Method.known) return 0;
    let at = this.targetStart;
    if (!equalsIgnoringCase(bytes, at, Math.min(at + 7, this.targetEnd), "http://")) return -400;
    at += 7;
    while (at < this.targetEnd && bytes[at] !== 0x2f && bytes[at] !== 0x3f) at++;
    if (at === this.targetStart + 7) return -400;
    // "http://host?query" has an empty path, which is "/": the slash before the host's name serves for it.
    if (bytes[at] === 0x2f) this.pathStart = at;
    else return this.setRootPath();
    return 0;
  }

  private setRootPath(): number {
    this.pathStart = this.targetStart + 6;
    this.pathEnd = this.targetStart + 7;
    return 0;
  }

  /** RFC 9112 5: field-name ":" OWS field-value OWS CRLF. */
  private parseField(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    while (at < end && isTokenByte[bytes[at] as number] === 1) at++;
    if (at === end) return 0;
    // No space before the colon, and no line that begins with one (obs-fold): RFC 9112 5.1 and 5.2.
    if (at === start || bytes[at] !== COLON) return -400;
    const nameEnd = at;
    at++;
    while (at < end && (bytes[at] === SPACE || bytes[at] === TAB)) at++;
    const valueStart = at;
    while (at < end && isFieldByte[bytes[at] as number] === 1) at++;
    if (at + 1 >= end) return at < end && bytes[at] !== CR ? -400 : 0;
    // RFC 9112 2.2: a lone LF might be taken for a line end, a lone CR must not; both are refused here.
    if (bytes[at] !== CR || bytes[at + 1] !== LF) return -400;
    let valueEnd = at;
    while (valueEnd > valueStart && (bytes[valueEnd - 1] === SPACE || bytes[valueEnd - 1] === TAB)) valueEnd--;
    const fault = this.takeField(bytes, start, nameEnd, valueStart, valueEnd);
    return fault === 0 ? at + 2 : fault;
  }

  /** 0, or the status with which the request is refused. */
  private takeField(bytes: Uint8Array, nameStart: number, nameEnd: number, start: number, end: number): number {
    switch (nameEnd - nameStart) {
      case 4:
        return equalsIgnoringCase(bytes, nameStart, nameEnd, "host") ? this.takeHost(bytes, start, end) : 0;
      case 5:
        return equalsIgnoringCase(bytes, nameStart, nameEnd, "range") ? this.takeSpan(this.range, start, end) : 0;
      case 6:
        if (equalsIgnoringCase(bytes, nameStart, nameEnd, "expect")) {
          // RFC 9110 10.1.1: an expectation other than 100-continue may be refused.
          if (!equalsIgnoringCase(bytes, start, end, "100-continue")) return -417;
          this.expectsContinue = true;
        }
        return 0;
      case 8:
        if (equalsIgnoringCase(bytes, nameStart, nameEnd, "if-match")) return this.takeSpan(this.ifMatch, start, end);
        return equalsIgnoringCase(bytes, nameStart, nameEnd, "if-range") ? this.takeSpan(this.ifRange, start, end) : 0;
      case 10:
        if (equalsIgnoringCase(bytes, nameStart, nameEnd, "connection")) this.takeConnection(bytes, start, end);
        return 0;
      case 13:
        return equalsIgnoringCase(bytes, nameStart, nameEnd, "if-none-match")
          ? this.takeSpan(this.ifNoneMatch, start, end)
          : 0;
      case 14:
        return equalsIgnoringCase(bytes, nameStart, nameEnd, "content-length")
          ? this.takeContentLength(bytes, start, end)
          : 0;
      case 17:
        if (equalsIgnoringCase(bytes, nameStart, nameEnd, "if-modified-since"))
          return this.takeSpan(this.ifModifiedSince, start, end);
        return equalsIgnoringCase(bytes, nameStart, nameEnd, "transfer-encoding")
          ? this.takeTransferEncoding(bytes, start, end)
          : 0;
      case 19:
        return equalsIgnoringCase(bytes, nameStart, nameEnd, "if-unmodified-since")
          ? this.takeSpan(this.ifUnmodifiedSince, start, end)
          : 0;
      default:
        return 0;
    }
  }

  /** A condition that comes twice is refused rather than guessed at; an empty one counts as absent. */
  private takeSpan(span: Span, start: number, end: number): number {
    if (span.isPresent) return -400;
    if (end === start) return 0;
    span.start = start;
    span.end = end;
    this.hasConditions = true;
    return 0;
  }

  /** RFC 9112 3.2: more than one Host, or one that is no host, is a bad request. */
  private takeHost(bytes: Uint8Array, start: number, end: number): number {
    if (this.hasHost) return -400;
    this.hasHost = true;
    for (let k = start; k < end; k++) {
      const byte = bytes[k] as number;
      // uri-host [ ":" port ]: no path, query, fragment, user part or blank.
      const isHostByte =
        byte === 0x5b || byte === 0x5d || (isTargetByte[byte] === 1 && byte !== 0x2f && byte !== 0x3f && byte !== 0x40);
      if (!isHostByte) return -400;
    }
    return 0;
  }

  private takeConnection(bytes: Uint8Array, start: number, end: number): void {
    if (listHas(bytes, start, end, "close")) this.saysClose = true;
    if (this.minorVersion === 0 && listHas(bytes, start, end, "keep-alive")) this.keepAlive = true;
  }

  /** RFC 9112 6.3: a length that is invalid or comes more than once cannot be recovered from. */
  private takeContentLength(bytes: Uint8Array, start: number, end: number): number {
    const length = parseDecimal(bytes, start, end);
    if (length < 0 || this.hasContentLength) return -400;
    this.hasContentLength = true;
    this.contentLength = length;
    return 0;
  }

  private takeTransferEncoding(bytes: Uint8Array, start: number, end: number): number {
    if (this.hasTransferEncoding) return -400;
    this.hasTransferEncoding = true;
    // RFC 9112 6.1: a coding that is not understood is answered with 501.
    if (!equalsIgnoringCase(bytes, start, end, "chunked")) return -501;
    this.isChunked = true;
    return 0;
  }

  private finish(headEnd: number): number {
    // RFC 9112 3.2: HTTP/1.1 without Host.
    if (this.minorVersion === 1 && !this.hasHost) return -400;
    // RFC 9112 6.1 and 6.3: both lengths at once, or chunked from an HTTP/1.0 client, smell of smuggling.
    if (this.hasTransferEncoding && (this.hasContentLength || this.minorVersion === 0)) return -400;
    if (this.saysClose) this.keepAlive = false;
    return headEnd;
  }

  get hasBody(): boolean {
    return this.isChunked || this.contentLength > 0;
  }
}

const knownMethods = ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PATCH"];

/** Methods are case-sensitive (RFC 9110 9.1). */
function methodOf(bytes: Uint8Array, start: number, end: number): number {
  if (matches(bytes, start, end, "GET")) return Method.get;
  if (matches(bytes, start, end, "HEAD")) return Method.head;
  return knownMethods.some((name) => matches(bytes, start, end, name)) ? Method.known : Method.unknown;
}

function matches(bytes: Uint8Array, start: number, end: number, text: string): boolean {
  if (end - start !== text.length) return false;
  for (let k = 0; k < text.length; k++) if (bytes[start + k] !== text.charCodeAt(k)) return false;
  return true;
}
