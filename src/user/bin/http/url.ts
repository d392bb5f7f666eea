/** http URLs: taken apart (RFC 3986), resolved against another, and what of them goes into a request. */

export interface HttpUrl {
  /** In lower case: a name or an IPv4 address. */
  host: string;
  port: number;
  /** Path and query, as they go into the request line. */
  target: string;
  /** "user:password", decoded; "" where there is none. */
  userInformation: string;
}

/** What a client may be asked for, or why not. "https" stands apart, since it is a URL but not for this client. */
export type UrlFault = { fault: string; isHttps: boolean };

const HTTP_PORT = 80;

/** From text; "example.com/x" counts as "http://example.com/x". */
export function parseUrl(text: string): HttpUrl | UrlFault {
  const withScheme = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/(.*)$/s.exec(text);
  const scheme = withScheme?.[1]?.toLowerCase() ?? "http";
  if (scheme === "https") return { fault: "https is not supported: there is no TLS here, only http", isHttps: true };
  if (scheme !== "http") return { fault: `unsupported scheme '${scheme}'`, isHttps: false };
  const rest = withScheme?.[2] ?? text;
  // RFC 3986 3.2: the authority ends at the first of these.
  const authorityEnd = /[/?#]/.exec(rest)?.index ?? rest.length;
  const authority = parseAuthority(rest.slice(0, authorityEnd));
  if (typeof authority === "string") return { fault: authority, isHttps: false };
  return { ...authority, target: targetOf(rest.slice(authorityEnd)) };
}

function parseAuthority(text: string): Omit<HttpUrl, "target"> | string {
  const at = text.lastIndexOf("@");
  const userInformation = at < 0 ? "" : decodeEscapes(text.slice(0, at));
  const hostAndPort = text.slice(at + 1);
  if (hostAndPort.startsWith("[")) return "IPv6 addresses are not supported";
  const colon = hostAndPort.lastIndexOf(":");
  const host = (colon < 0 ? hostAndPort : hostAndPort.slice(0, colon)).toLowerCase();
  const portText = colon < 0 ? "" : hostAndPort.slice(colon + 1);
  if (host === "") return "invalid host name";
  // Underscores are no part of host names but seen in them.
  if (host.length > 253 || !/^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_.])?$/.test(host)) return `invalid host name '${host}'`;
  if (portText !== "" && (!/^\d{1,5}$/.test(portText) || Number(portText) > 65_535 || Number(portText) === 0)) {
    return `bad port number '${portText}'`;
  }
  return { host, port: portText === "" ? HTTP_PORT : Number(portText), userInformation };
}

/** Path and query without the fragment; what must not stand in a request line is escaped. */
function targetOf(rest: string): string {
  const withoutFragment = rest.split("#", 1)[0] as string;
  const question = withoutFragment.indexOf("?");
  const path = question < 0 ? withoutFragment : withoutFragment.slice(0, question);
  const query = question < 0 ? "" : withoutFragment.slice(question);
  return escapeForbidden(removeDotSegments(path === "" ? "/" : path) + query);
}

/** RFC 3986 5.3, for what a Location or a link says. */
export function resolveUrl(base: HttpUrl, reference: string): HttpUrl | UrlFault {
  if (/^[A-Za-z][A-Za-z0-9+.-]*:\/\//.test(reference)) return parseUrl(reference);
  if (/^[A-Za-z][A-Za-z0-9+.-]*:/.test(reference))
    return { fault: `unsupported address '${reference}'`, isHttps: false };
  if (reference.startsWith("//")) return parseUrl(`http:${reference}`);
  const [basePath = "/", ...baseQuery] = base.target.split("?");
  if (reference.startsWith("/")) return { ...base, target: targetOf(reference) };
  if (reference.startsWith("?")) return { ...base, target: targetOf(basePath + reference) };
  if (reference === "" || reference.startsWith("#")) {
    return { ...base, target: baseQuery.length > 0 ? `${basePath}?${baseQuery.join("?")}` : basePath };
  }
  return { ...base, target: targetOf(basePath.slice(0, basePath.lastIndexOf("/") + 1) + reference) };
}

/** RFC 3986 5.2.4 for an absolute path. */
function removeDotSegments(path: string): string {
  const output: string[] = [];
  const segments = path.split("/").slice(1);
  for (const [k, segment] of segments.entries()) {
    const isLast = k === segments.length - 1;
    if (segment === "..") output.pop();
    if (segment !== ".." && segment !== ".") output.push(segment);
    else if (isLast) output.push("");
  }
  return `/${output.join("/")}`;
}

/** Blanks, controls and what is not ASCII, as UTF-8 escapes; escapes that are there stay. */
function escapeForbidden(text: string): string {
  return [...text]
    .map((character) => (/[\x21-\x7e]/.test(character) ? character : escapeCharacter(character)))
    .join("");
}

function escapeCharacter(character: string): string {
  const bytes = new TextEncoder().encode(character);
  return [...bytes].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join("");
}

/** Escapes decoded as UTF-8; broken ones stay as they are. */
function decodeEscapes(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** "example.com" or "example.com:8080": the Host field. */
export function hostField(url: HttpUrl): string {
  return url.port === HTTP_PORT ? url.host : `${url.host}:${url.port}`;
}

/** As it is shown; without a password. */
export function formatUrl(url: HttpUrl): string {
  return `http://${hostField(url)}${url.target}`;
}

/** The name a download gets: the last part of the path and the query; "index.html" where the path ends in a slash. */
export function fileNameOf(url: HttpUrl): string {
  const [path = "", ...query] = url.target.split("?");
  const last = decodeEscapes(path.slice(path.lastIndexOf("/") + 1));
  const base = last === "" || last === "." || last === ".." ? "index.html" : last;
  const name = query.length > 0 ? `${base}?${query.join("?")}` : base;
  // Nothing that could lead into another folder, and nothing that a terminal would act on.
  let clean = "";
  for (const character of name) {
    const code = character.codePointAt(0) as number;
    clean += character === "/" || code < 0x20 || code === 0x7f ? "_" : character;
  }
  return cutToBytes(clean, 240);
}

/** Whole characters of the text that fit into so many bytes. */
function cutToBytes(text: string, most: number): string {
  const encoder = new TextEncoder();
  let length = 0;
  let end = 0;
  for (const character of text) {
    length += encoder.encode(character).length;
    if (length > most) break;
    end += character.length;
  }
  return text.slice(0, end);
}

const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** RFC 4648 4. */
export function encodeBase64(text: string): string {
  const bytes = new TextEncoder().encode(text);
  let encoded = "";
  for (let k = 0; k < bytes.length; k += 3) {
    const word = ((bytes[k] as number) << 16) | ((bytes[k + 1] ?? 0) << 8) | (bytes[k + 2] ?? 0);
    const left = bytes.length - k;
    encoded += BASE64.charAt(word >>> 18) + BASE64.charAt((word >>> 12) & 63);
    encoded += (left > 1 ? BASE64.charAt((word >>> 6) & 63) : "=") + (left > 2 ? BASE64.charAt(word & 63) : "=");
  }
  return encoded;
}
