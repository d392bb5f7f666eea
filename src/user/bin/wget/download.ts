/** A download from first request to complete file: redirects followed, broken connections taken up again. */
import type { Akuma } from "../../libakuma/index.ts";
import { parseHttpDate } from "../http/date.ts";
import { formatUrl, type HttpUrl, resolveUrl } from "../http/url.ts";
import type { Destination } from "./destination.ts";
import { Exchange, type RequestOptions } from "./exchange.ts";
import { ExitCode, Failure } from "./failure.ts";
import { formatBytes, Progress } from "./progress.ts";

const MOST_REDIRECTS = 20;
const MOST_WAIT_MILLISECONDS = 10_000;

export interface DownloadOptions {
  tries: number;
  timeoutMilliseconds: number;
  userAgent: string;
  showsProgress: boolean;
  /** Takes lines that tell what is going on. */
  tell: (line: string) => Promise<void>;
  /** Also tell the head of each answer. */
  tellsHeads: boolean;
}

export class Download {
  private readonly akuma: Akuma;
  private readonly options: DownloadOptions;
  private readonly destination: Destination;
  private url: HttpUrl;
  /** What the bytes received so far belong to. */
  private validator = "";

  constructor(akuma: Akuma, url: HttpUrl, destination: Destination, options: DownloadOptions) {
    this.akuma = akuma;
    this.url = url;
    this.destination = destination;
    this.options = options;
  }

  /** Until the file is complete. Throws the Failure of the last try. */
  async run(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.attempt();
        return;
      } catch (error) {
        if (!(error instanceof Failure) || !error.isPassing || attempt >= this.options.tries) throw error;
        await this.options.tell(`${error.message}; trying again (${attempt + 1} of ${this.options.tries})`);
        await this.akuma.sleep(Math.min(attempt * 1000, MOST_WAIT_MILLISECONDS));
      }
    }
  }

  private async attempt(): Promise<void> {
    for (let redirects = 0; ; redirects++) {
      const from = this.validator !== "" && this.destination.canResume ? this.destination.received : 0;
      await this.options.tell(formatUrl(this.url));
      const exchange = await Exchange.open(this.akuma, this.url, this.requestOptions(from));
      try {
        await this.tellHead(exchange);
        const location = redirectOf(exchange);
        if (location === undefined) {
          await this.receive(exchange, from);
          return;
        }
        if (redirects === MOST_REDIRECTS) throw new Failure(ExitCode.server, `${MOST_REDIRECTS} redirections exceeded`);
        this.follow(location);
      } finally {
        exchange.close();
      }
    }
  }

  private requestOptions(from: number): RequestOptions {
    const { timeoutMilliseconds, userAgent } = this.options;
    return { timeoutMilliseconds, userAgent, from, validator: this.validator };
  }

  private follow(location: string): void {
    const next = resolveUrl(this.url, location);
    if ("fault" in next) throw new Failure(ExitCode.generic, `redirected to ${location}: ${next.fault}`);
    // A password is for the host that it was given for.
    const isSameHost = next.host === this.url.host && next.port === this.url.port;
    const userInformation = next.userInformation || (isSameHost ? this.url.userInformation : "");
    this.url = { ...next, userInformation };
  }

  private async receive(exchange: Exchange, from: number): Promise<void> {
    const { head, framing } = exchange;
    const { destination } = this;
    this.checkStatus(exchange, from);
    const isContinued = from > 0 && head.status === 206;
    if (!isContinued) destination.restart();
    const tag = head.fields.get("etag") ?? "";
    // Only a strong tag says that the bytes are the same (RFC 9110 13.1.5).
    this.validator = tag.startsWith('"') ? tag : (head.fields.get("last-modified") ?? "");
    const total = framing.kind === "length" ? framing.length + destination.received : undefined;
    const length = total === undefined ? "unspecified" : `${total} (${formatBytes(total)})`;
    await this.options.tell(`Length: ${length} [${head.fields.get("content-type") ?? "no type"}]`);
    const progress = this.options.showsProgress
      ? new Progress(this.akuma, shortName(destination.name), total, destination.received)
      : null;
    try {
      await exchange.readBody((start, end) => this.take(start, end, progress));
    } finally {
      await progress?.finish(destination.received);
    }
    const modified = parseHttpDate(head.fields.get("last-modified") ?? "", this.akuma.realtimeMilliseconds());
    await destination.finish(modified);
    const size = total === undefined ? `${destination.received}` : `${destination.received}/${total}`;
    await this.options.tell(`'${destination.name}' saved [${size}]`);
  }

  private take(start: number, end: number, progress: Progress | null): void | Promise<void> {
    const waiting = this.destination.write(start, end);
    if (progress === null) return waiting;
    if (waiting === undefined) return progress.update(this.destination.received);
    return waiting.then(() => progress.update(this.destination.received));
  }

  private checkStatus(exchange: Exchange, from: number): void {
    const { status, reason, fields } = exchange.head;
    if (status === 206 && from > 0) {
      const range = /^bytes (\d+)-/.exec(fields.get("content-range") ?? "");
      if (range !== null && Number(range[1]) === from) return;
      this.validator = "";
      throw new Failure(ExitCode.protocol, "the server sent another range than was asked for", true);
    }
    if (status === 416 && from > 0) {
      this.validator = "";
      throw new Failure(ExitCode.server, "the server cannot go on where the connection broke", true);
    }
    if (status === 401) throw new Failure(ExitCode.authentication, "username/password authentication failed");
    if (status < 200 || status >= 300 || status === 206) {
      throw new Failure(ExitCode.server, `server returned error: ${status} ${reason}`.trimEnd());
    }
  }

  private async tellHead(exchange: Exchange): Promise<void> {
    const { status, reason, fields, minorVersion } = exchange.head;
    if (!this.options.tellsHeads) {
      await this.options.tell(`HTTP request sent, awaiting response... ${status} ${reason}`.trimEnd());
      return;
    }
    const lines = [...fields].map(([name, value]) => `  ${name}: ${value}\n`).join("");
    await this.options.tell(`  HTTP/1.${minorVersion} ${status} ${reason}\n${lines.trimEnd()}`);
  }
}

/** Where the answer sends its reader; undefined where it is no redirect. */
function redirectOf(exchange: Exchange): string | undefined {
  const { status, fields } = exchange.head;
  if (![301, 302, 303, 307, 308].includes(status)) return undefined;
  const location = fields.get("location");
  if (location === undefined || location === "") {
    throw new Failure(ExitCode.protocol, `the server redirects (${status}) without saying where to`);
  }
  return location;
}

function shortName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
