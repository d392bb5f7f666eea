/** Reads the head of a response (RFC 9112 4 and 5), for clients. */

export interface ResponseHead {
  /** 0 or 1: of HTTP/1.x. */
  minorVersion: number;
  status: number;
  reason: string;
  /** By name in lower case; values of a name that comes several times are joined with ", ". */
  fields: Map<string, string>;
}

/** How the end of the body is known (RFC 9112 6.3). */
export type BodyFraming =
  | { kind: "none" }
  | { kind: "length"; length: number }
  | { kind: "chunked" }
  | { kind: "close" };

/** Where the head ends in the bytes that came so far: the index after the empty line; 0 when it is not there yet. */
export function findHeadEnd(bytes: Uint8Array, length: number): number {
  for (let k = 0; k < length; k++) {
    if (bytes[k] !== 0x0a) continue;
    // A recipient may take a lone LF for a line end (RFC 9112 2.2); servers that send it exist.
    if (k + 1 < length && bytes[k + 1] === 0x0a) return k + 2;
    if (k + 2 < length && bytes[k + 1] === 0x0d && bytes[k + 2] === 0x0a) return k + 3;
  }
  return 0;
}

/** The head in its text form, empty line included or not; a string says what is wrong with it. */
export function parseResponseHead(text: string): ResponseHead | string {
  const lines = text.split(/\r?\n/);
  const status = /^HTTP\/(\d)\.(\d) (\d{3})(?: (.*))?$/.exec(lines[0] ?? "");
  if (status === null) return "the answer is no HTTP";
  if (status[1] !== "1") return `HTTP version ${status[1]}.${status[2]} is not understood`;
  const fields = new Map<string, string>();
  let lastName = "";
  for (const line of lines.slice(1)) {
    if (line === "") break;
    if (line.startsWith(" ") || line.startsWith("\t")) {
      // RFC 9112 5.2: a user agent replaces obs-fold in a response with a space.
      if (lastName === "") return "the head begins with a continued line";
      fields.set(lastName, `${fields.get(lastName)} ${line.trim()}`);
      continue;
    }
    const field = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+)[ \t]*:[ \t]*(.*?)[ \t]*$/.exec(line);
    if (field === null) return "a line of the head is no field";
    lastName = (field[1] as string).toLowerCase();
    const value = field[2] as string;
    const before = fields.get(lastName);
    fields.set(lastName, before === undefined ? value : `${before}, ${value}`);
  }
  return { minorVersion: Math.min(1, Number(status[2])), status: Number(status[3]), reason: status[4] ?? "", fields };
}

/** How the body of the answer to a GET (or HEAD) ends; a string says why that cannot be known. */
export function bodyFraming(head: ResponseHead, isHead: boolean): BodyFraming | string {
  const { status, fields } = head;
  if (isHead || status === 204 || status === 304 || (status >= 100 && status < 200)) return { kind: "none" };
  const coding = fields.get("transfer-encoding");
  if (coding !== undefined) {
    const codings = coding.split(",").map((name) => name.trim().toLowerCase());
    if (codings.length === 1 && codings[0] === "chunked") return { kind: "chunked" };
    // A coding that does not end in chunked goes up to the close; decoding gzip was never asked for.
    if (codings.length === 1 && codings[0] === "identity") return { kind: "close" };
    return `the transfer coding "${coding}" is not understood`;
  }
  const length = fields.get("content-length");
  if (length === undefined) return { kind: "close" };
  const values = new Set(length.split(",").map((value) => value.trim()));
  const [only] = values;
  if (values.size !== 1 || only === undefined || !/^\d+$/.test(only) || !Number.isSafeInteger(Number(only))) {
    return `the Content-Length "${length}" is no length`;
  }
  return { kind: "length", length: Number(only) };
}
