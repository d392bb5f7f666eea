/** Decides what a request gets, and hands it to the connection's output. */
import { decodeText } from "../../libakuma/index.ts";
import { evaluateConditions, rangeStillHolds } from "./conditions.ts";
import { type Connection, MOST_BODY_BYTES } from "./connection.ts";
import { type ByteRange, parseRange } from "./range.ts";
import { Method, type RequestHead, type Span } from "./request-head.ts";
import {
  connectionField,
  folderLocation,
  multipart,
  notModifiedHead,
  partHead,
  plainResponse,
  wholeHead,
} from "./response.ts";
import type { ServedFile } from "./served-file.ts";
import type { Server } from "./server.ts";

/** Answers the request in `head`. With `isMoreComing` another one lies complete behind it. */
export function answer(server: Server, connection: Connection, head: RequestHead, isMoreComing: boolean): void {
  const isReadable = head.method <= Method.head;
  let keepAlive = head.keepAlive && !server.isStopping;
  if (head.hasBody && (head.expectsContinue || head.contentLength > MOST_BODY_BYTES)) {
    // RFC 9110 10.1.1: a final answer instead of 100; whether the body follows is then uncertain.
    keepAlive = false;
    connection.endAfterAnswer(true);
  }
  if (!keepAlive) connection.endAfterAnswer(head.hasBody);
  if (head.hasBody) connection.expectBody(head);
  if (!isReadable || head.contentLength > MOST_BODY_BYTES) {
    const status = isReadable ? 413 : head.method === Method.known ? 405 : 501;
    sendPlain(server, connection, head, status, keepAlive, status === 405 ? "Allow: GET, HEAD\r\n" : "");
    return;
  }
  const { bytes } = server.akuma.memory;
  const file = server.cache.find(bytes, head.pathStart, head.pathEnd);
  if (typeof file === "number") {
    sendPlain(server, connection, head, file, keepAlive, file === 301 ? location(server, head) : "");
    return;
  }
  const isPlain = !head.hasConditions && keepAlive && head.minorVersion === 1 && head.method === Method.get;
  if (isPlain && file.fd < 0 && server.accessLog === null) {
    file.setDate(server.dateSecond, server.date);
    connection.output.sendSmall(file, isMoreComing);
    return;
  }
  sendFile(server, connection, head, file, keepAlive);
}

/** Refuses what could not be understood, or did not come in time, and ends the connection. */
export function refuse(server: Server, connection: Connection, status: number): void {
  connection.endAfterAnswer(true);
  connection.output.addText(plainResponse(status, "", connectionField(false, 1), server.date, false));
  server.accessLog?.record(connection, "-", status, 0);
}

function sendPlain(
  server: Server,
  connection: Connection,
  head: RequestHead,
  status: number,
  keepAlive: boolean,
  extraFields: string,
): void {
  const field = connectionField(keepAlive, head.minorVersion);
  const isHead = head.method === Method.head;
  const text = plainResponse(status, extraFields, field, server.date, isHead);
  connection.output.addText(text);
  server.accessLog?.record(connection, requestLine(server, head), status, text.length);
}

function sendFile(
  server: Server,
  connection: Connection,
  head: RequestHead,
  file: ServedFile,
  keepAlive: boolean,
): void {
  const { date } = server;
  const { output } = connection;
  const field = connectionField(keepAlive, head.minorVersion);
  const log = (status: number, size: number): void =>
    server.accessLog?.record(connection, requestLine(server, head), status, size);
  const status = head.hasConditions ? conditionStatus(server, head, file) : 200;
  if (status === 412) {
    sendPlain(server, connection, head, 412, keepAlive, "");
    return;
  }
  if (status === 304) {
    output.addText(notModifiedHead(file, field, date));
    log(304, 0);
    return;
  }
  // RFC 9110 14.2: Range counts for GET alone.
  const ranges = head.method === Method.get && head.range.isPresent ? rangesOf(server, head, file) : "ignore";
  if (ranges === "unsatisfiable") {
    sendPlain(server, connection, head, 416, keepAlive, `Content-Range: bytes */${file.size}\r\n`);
    return;
  }
  if (ranges === "ignore") {
    output.addText(wholeHead(file, field, date));
    if (head.method === Method.get) output.addFile(file, 0, file.size);
    log(200, file.size);
    return;
  }
  if (ranges.length === 1) {
    const range = ranges[0] as ByteRange;
    output.addText(partHead(file, range, field, date));
    output.addFile(file, range.start, range.end);
    log(206, range.end - range.start);
    return;
  }
  const parts = multipart(file, ranges, field, date);
  output.addText(parts.head);
  for (const [k, range] of ranges.entries()) {
    output.addText(parts.before[k] as string);
    output.addFile(file, range.start, range.end);
  }
  output.addText(parts.after);
  log(206, file.size);
}

function conditionStatus(server: Server, head: RequestHead, file: ServedFile): 200 | 304 | 412 {
  return evaluateConditions(
    {
      ifMatch: fieldText(server, head.ifMatch),
      ifUnmodifiedSince: fieldText(server, head.ifUnmodifiedSince),
      ifNoneMatch: fieldText(server, head.ifNoneMatch),
      ifModifiedSince: fieldText(server, head.ifModifiedSince),
    },
    file,
    server.realtimeMilliseconds,
  );
}

function rangesOf(server: Server, head: RequestHead, file: ServedFile): ByteRange[] | "ignore" | "unsatisfiable" {
  const ifRange = fieldText(server, head.ifRange);
  if (ifRange !== undefined && !rangeStillHolds(ifRange, file, server.realtimeMilliseconds)) return "ignore";
  return parseRange(fieldText(server, head.range) ?? "", file.size);
}

function fieldText(server: Server, span: Span): string | undefined {
  return span.isPresent ? decodeText(server.akuma.memory.bytes, span.start, span.end) : undefined;
}

function location(server: Server, head: RequestHead): string {
  const query = decodeText(server.akuma.memory.bytes, head.pathEnd, head.targetEnd);
  return folderLocation(server.cache.decoded, server.cache.decodedLength, query);
}

function requestLine(server: Server, head: RequestHead): string {
  const { bytes } = server.akuma.memory;
  const method = head.method === Method.get ? "GET" : head.method === Method.head ? "HEAD" : "OTHER";
  return `${method} ${decodeText(bytes, head.targetStart, head.targetEnd)} HTTP/1.${head.minorVersion}`;
}
