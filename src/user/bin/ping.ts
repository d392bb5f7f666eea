/** ping: asks a host for echoes and tells how long they take. */
import { SIGINT } from "../libakuma/constants.ts";
import { type Akuma, AkumaError, PingSocket, reason } from "../libakuma/index.ts";
import { complain, parseOptions, parseSeconds, parseWhole, usageError } from "./shared/options.ts";

const usage = `usage: ping [-q] [-c COUNT] [-i INTERVAL] [-s SIZE] [-t TTL] [-W TIMEOUT] [-w DEADLINE] HOST
  -c COUNT     stop after so many requests (without it, at Ctrl-C)
  -i INTERVAL  seconds between requests (1)
  -s SIZE      bytes of data in a request (56)
  -t TTL       hops that a request may take
  -W TIMEOUT   seconds to wait for the last reply (10)
  -w DEADLINE  seconds after which to stop in any case
  -q           print the summary only
Exits with 0 if a reply came, 1 if none, 2 for other errors.`;

interface Settings {
  count: number;
  intervalMilliseconds: number;
  timeoutMilliseconds: number;
  deadlineMilliseconds: number;
  size: number;
  timeToLive: number | undefined;
  isQuiet: boolean;
}

export async function main(akuma: Akuma): Promise<number> {
  const options = parseOptions(akuma.arguments.slice(1), {
    count: { short: "c", value: "COUNT" },
    interval: { short: "i", value: "INTERVAL" },
    size: { short: "s", value: "SIZE" },
    timeToLive: { short: "t", value: "TTL" },
    timeout: { short: "W", value: "TIMEOUT" },
    deadline: { short: "w", value: "DEADLINE" },
    quiet: { short: "q" },
    numeric: { short: "n" },
    help: { short: "h", long: "help" },
  });
  if (typeof options === "string") return await usageError(akuma, options, usage);
  const { values, operands } = options;
  if (values.help !== undefined) {
    await akuma.print(usage);
    return 0;
  }
  const [host, ...rest] = operands;
  if (host === undefined || rest.length > 0) return await usageError(akuma, "expected one host", usage);
  const count = values.count === undefined ? Number.POSITIVE_INFINITY : parseWhole(String(values.count), 1, 1e12);
  const interval = parseSeconds(String(values.interval ?? 1));
  const size = parseWhole(String(values.size ?? 56), 0, 65_499);
  const timeout = parseSeconds(String(values.timeout ?? 10));
  const deadline = values.deadline === undefined ? Number.POSITIVE_INFINITY : parseSeconds(String(values.deadline));
  const timeToLive = values.timeToLive === undefined ? undefined : parseWhole(String(values.timeToLive), 1, 255);
  if (count === undefined) return await usageError(akuma, `invalid count '${values.count}'`, usage);
  if (interval === undefined) return await usageError(akuma, `invalid interval '${values.interval}'`, usage);
  if (size === undefined) return await usageError(akuma, `invalid size '${values.size}'`, usage);
  if (timeout === undefined || deadline === undefined) return await usageError(akuma, "invalid timeout", usage);
  if (values.timeToLive !== undefined && timeToLive === undefined) {
    return await usageError(akuma, `invalid TTL '${values.timeToLive}'`, usage);
  }
  return await new Pinging(akuma, host, {
    count,
    intervalMilliseconds: Math.max(2, interval),
    timeoutMilliseconds: timeout,
    deadlineMilliseconds: deadline,
    size,
    timeToLive,
    isQuiet: values.quiet !== undefined,
  }).run();
}

class Pinging {
  private readonly akuma: Akuma;
  private readonly host: string;
  private readonly settings: Settings;
  private address = "";
  private sent = 0;
  private errors = 0;
  private duplicates = 0;
  private readonly times: number[] = [];
  /** When each request that has no reply yet was sent, by its full number. */
  private readonly waiting = new Map<number, number>();
  private isStopped = false;

  constructor(akuma: Akuma, host: string, settings: Settings) {
    this.akuma = akuma;
    this.host = host;
    this.settings = settings;
  }

  async run(): Promise<number> {
    const { akuma, settings } = this;
    const now = (): number => akuma.monotonicMilliseconds();
    try {
      this.address = await akuma.net.resolve(this.host);
    } catch (error) {
      await complain(akuma, `${this.host}: ${reason(error)}`);
      return 2;
    }
    using socket = new PingSocket(akuma, settings.size, settings.timeToLive);
    await akuma.print(`PING ${this.host} (${this.address}) ${settings.size}(${settings.size + 28}) bytes of data.`);
    akuma.signal(SIGINT, () => {
      this.isStopped = true;
    });
    const started = now();
    const end = started + settings.deadlineMilliseconds;
    while (!this.isStopped && this.sent < settings.count && now() < end) {
      await this.request(socket);
      const isLast = this.sent === settings.count;
      const until = Math.min(end, now() + (isLast ? settings.timeoutMilliseconds : settings.intervalMilliseconds));
      // After the last request there is nothing to wait for but replies.
      while (!this.isStopped && now() < until && !(isLast && this.waiting.size === 0)) {
        await this.reply(socket, until - now());
      }
    }
    await this.summarize(now() - started);
    return this.times.length > 0 ? 0 : 1;
  }

  private async request(socket: PingSocket): Promise<void> {
    const sequence = ++this.sent;
    this.waiting.set(sequence, this.akuma.monotonicMilliseconds());
    // Requests that were never answered must not be kept for ever.
    if (this.waiting.size > 65_000) this.waiting.delete(this.waiting.keys().next().value as number);
    try {
      await socket.send(this.address, sequence);
    } catch (error) {
      this.waiting.delete(sequence);
      await this.tellError(error);
    }
  }

  private async reply(socket: PingSocket, timeoutMilliseconds: number): Promise<void> {
    let reply: Awaited<ReturnType<PingSocket["receive"]>>;
    try {
      reply = await socket.receive(timeoutMilliseconds);
    } catch (error) {
      // A signal only ends the waiting; an ICMP error belongs to one of the requests.
      if (error instanceof AkumaError && error.kind === "Interrupted") return;
      this.waiting.delete(this.sent);
      await this.tellError(error);
      return;
    }
    if (reply === undefined) return;
    // The sequence number has 16 bits; the latest request that it fits is meant.
    const sequence = this.sent - ((this.sent - reply.sequence) & 0xffff);
    const sentAt = this.waiting.get(sequence);
    const isDuplicate = sentAt === undefined;
    this.waiting.delete(sequence);
    const time = this.akuma.monotonicMilliseconds() - (sentAt ?? 0);
    if (isDuplicate) this.duplicates++;
    else this.times.push(time);
    if (this.settings.isQuiet) return;
    const hops = reply.timeToLive === undefined ? "" : ` ttl=${reply.timeToLive}`;
    const took = isDuplicate ? " (DUP!)" : ` time=${formatTime(time)} ms`;
    await this.akuma.print(`${reply.byteLength} bytes from ${reply.from}: icmp_seq=${reply.sequence}${hops}${took}`);
  }

  private async tellError(error: unknown): Promise<void> {
    this.errors++;
    if (!this.settings.isQuiet) await complain(this.akuma, reason(error));
  }

  private async summarize(milliseconds: number): Promise<void> {
    const received = this.times.length;
    const loss = this.sent === 0 ? 0 : ((this.sent - received) / this.sent) * 100;
    const duplicates = this.duplicates > 0 ? `, +${this.duplicates} duplicates` : "";
    const errors = this.errors > 0 ? `, +${this.errors} errors` : "";
    const lossText = Number.isInteger(loss) ? String(loss) : loss.toFixed(4).replace(/0+$/, "");
    let text = `\n--- ${this.host} ping statistics ---\n`;
    text += `${this.sent} packets transmitted, ${received} received${duplicates}${errors}, ${lossText}% packet loss, `;
    text += `time ${Math.round(milliseconds)}ms\n`;
    if (received > 0) {
      const average = this.times.reduce((sum, time) => sum + time, 0) / received;
      const square = this.times.reduce((sum, time) => sum + time * time, 0) / received;
      const deviation = Math.sqrt(Math.max(0, square - average * average));
      const values = [Math.min(...this.times), average, Math.max(...this.times), deviation];
      text += `rtt min/avg/max/mdev = ${values.map((value) => value.toFixed(3)).join("/")} ms\n`;
    }
    await this.akuma.stdout.writeAll(text);
  }
}

/** Three figures, as ping prints them. */
function formatTime(milliseconds: number): string {
  if (milliseconds >= 99.95) return milliseconds.toFixed(0);
  return milliseconds >= 9.995
    ? milliseconds.toFixed(1)
    : milliseconds >= 0.9995
      ? milliseconds.toFixed(2)
      : milliseconds.toFixed(3);
}
