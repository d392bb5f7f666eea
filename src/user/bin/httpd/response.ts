/** The texts of responses: status lines, error pages, and the heads that are not kept with a file. */
import { encodePath } from "./path.ts";
import type { ByteRange } from "./range.ts";
import { headStart, type ServedFile } from "./served-file.ts";

const reasons: Readonly<Record<number, string>> = {
  206: "Partial Content",
  301: "Moved Permanently",
  304: "Not Modified",
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  412: "Precondition Failed",
  413: "Content Too Large",
  414: "URI Too Long",
  416: "Range Not Satisfiable",
  417: "Expectation Failed",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  501: "Not Implemented",
  503: "Service Unavailable",
  505: "HTTP Version Not Supported",
};

export function statusLine(status: number): string {
  return `${status} ${reasons[status] ?? "Unknown"}`;
}

/** The Connection field where one is due: it says what differs from the version's default (RFC 9112 9.3). */
export function connectionField(keepAlive: boolean, minorVersion: number): string {
  if (!keepAlive) return "Connection: close\r\n";
  return minorVersion === 0 ? "Connection: keep-alive\r\n" : "";
}

/** A whole response of its own: an error, or a redirect. With `isHead` only its head. */
export function plainResponse(
  status: number,
  extraFields: string,
  connection: string,
  date: string,
  isHead: boolean,
): string {
  const line = statusLine(status);
  const body = `<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>${line}</title>\n<h1>${line}</h1>\n</html>\n`;
  const head = `${headStart(line, date)}Content-Type: text/html; charset=utf-8\r\nContent-Length: ${body.length}\r\n`;
  return `${head}${extraFields}${connection}\r\n${isHead ? "" : body}`;
}

/** Location of a folder that was asked for without its slash. It begins with exactly one slash, so it never names another host. */
export function folderLocation(decoded: Uint8Array, decodedLength: number, query: string): string {
  return `Location: ${encodePath(decoded, 0, decodedLength)}/${query}\r\n`;
}

/** RFC 9110 15.4.5: what a 200 would have said of validators. */
export function notModifiedHead(file: ServedFile, connection: string, date: string): string {
  return `${headStart(statusLine(304), date)}ETag: ${file.entityTag}\r\n${connection}\r\n`;
}

export function wholeHead(file: ServedFile, connection: string, date: string): string {
  return `${headStart("200 OK", date)}${file.entityFields}Content-Length: ${file.size}\r\n${connection}\r\n`;
}

export function partHead(file: ServedFile, range: ByteRange, connection: string, date: string): string {
  const length = `Content-Length: ${range.end - range.start}\r\n`;
  return `${headStart(statusLine(206), date)}${file.entityFields}${contentRange(range, file.size)}${length}${connection}\r\n`;
}

function contentRange(range: ByteRange, size: number): string {
  return `Content-Range: bytes ${range.start}-${range.end - 1}/${size}\r\n`;
}

/** multipart/byteranges (RFC 9110 14.6): the head, what stands before each part, and what stands at the end. */
export function multipart(
  file: ServedFile,
  ranges: readonly ByteRange[],
  connection: string,
  date: string,
): { head: string; before: string[]; after: string } {
  // Nothing secret: it has to be unlikely in the file, and the same file may have it the same each time.
  const boundary = `akuma-${file.entityTag.slice(1, -1)}-${"7d0c5f3e9b1a"}`;
  const before = ranges.map(
    (range) => `\r\n--${boundary}\r\nContent-Type: ${file.type}\r\n${contentRange(range, file.size)}\r\n`,
  );
  const after = `\r\n--${boundary}--\r\n`;
  let length = after.length;
  for (const [k, range] of ranges.entries()) length += (before[k] as string).length + range.end - range.start;
  const entity = file.entityFields.replace(
    /^Content-Type: [^\r]*/,
    `Content-Type: multipart/byteranges; boundary=${boundary}`,
  );
  return {
    head: `${headStart(statusLine(206), date)}${entity}Content-Length: ${length}\r\n${connection}\r\n`,
    before,
    after,
  };
}
