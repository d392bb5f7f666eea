/** nc: connects stdin and stdout to a TCP connection or UDP peer, as client or as server. */
import { EAGAIN, SIGPIPE } from "../libakuma/constants.ts";
import {
  type Akuma,
  AkumaError,
  reason,
  Shutdown,
  SocketAddrV4,
  type TcpStream,
  type UdpSocket,
} from "../libakuma/index.ts";
import { complain, parseOptions, parseSeconds, parseWhole, usageError } from "./shared/options.ts";

const usage = `usage: nc [-uvz] [-w SECONDS] HOST PORT
       nc -l [-ukv] [-w SECONDS] [-s ADDRESS] [-p] PORT
The end of stdin ends the sending half of the connection; nc goes on until the other side ends its own.
  -l  listen                        -k  with -l: take the next connection after one ends
  -u  UDP                           -v  say what happens
  -w  give up after SECONDS without any data (for connecting, too)
  -z  only see whether somebody listens`;

const BLOCK_BYTES = 64 * 1024;

interface Settings {
  isVerbose: boolean;
  timeoutMilliseconds: number | null;
}

export async function main(akuma: Akuma): Promise<number> {
  const options = parseOptions(akuma.arguments.slice(1), {
    listen: { short: "l" },
    keep: { short: "k" },
    udp: { short: "u" },
    verbose: { short: "v" },
    wait: { short: "w", value: "SECONDS" },
    zero: { short: "z" },
    source: { short: "s", value: "ADDRESS" },
    port: { short: "p", value: "PORT" },
    shutdown: { short: "N" },
    numeric: { short: "n" },
    help: { short: "h", long: "help" },
  });
  if (typeof options === "string") return await usageError(akuma, options, usage, 1);
  const { values, operands } = options;
  if (values.help !== undefined) {
    await akuma.print(usage);
    return 0;
  }
  const timeout = values.wait === undefined ? null : parseSeconds(String(values.wait));
  if (timeout === undefined) return await usageError(akuma, `invalid time '${values.wait}'`, usage, 1);
  const isListening = values.listen !== undefined;
  const words = [...operands];
  if (values.port !== undefined && isListening) words.push(String(values.port));
  const host = isListening && words.length < 2 ? String(values.source ?? "0.0.0.0") : words.shift();
  const port = parseWhole(words.shift() ?? "", isListening ? 0 : 1, 65_535);
  if (host === undefined || port === undefined || words.length > 0) {
    return await usageError(akuma, "expected a host and a port", usage, 1);
  }
  // A reader that is gone is an error to report, not a reason to vanish.
  akuma.signal(SIGPIPE, "ignore");
  const settings: Settings = { isVerbose: values.verbose !== undefined, timeoutMilliseconds: timeout };
  try {
    const target = new SocketAddrV4(await akuma.net.resolve(host), port);
    if (isListening) {
      return values.udp === undefined
        ? await serve(akuma, target, settings, values.keep !== undefined)
        : await serveUdp(akuma, target, settings);
    }
    if (values.udp !== undefined) return await talkUdp(akuma, target, settings);
    return await dial(akuma, target, settings, values.zero !== undefined);
  } catch (error) {
    if (!(error instanceof AkumaError)) throw error;
    await complain(akuma, error.errno === EAGAIN ? "timed out" : `${host} ${port}: ${reason(error)}`);
    return 1;
  }
}

async function tell(akuma: Akuma, settings: Settings, text: string): Promise<void> {
  if (settings.isVerbose) await complain(akuma, text);
}

async function dial(akuma: Akuma, target: SocketAddrV4, settings: Settings, isScan: boolean): Promise<number> {
  const { timeoutMilliseconds } = settings;
  await using stream =
    timeoutMilliseconds === null
      ? await akuma.net.TcpStream.connect(target)
      : await akuma.net.TcpStream.connectTimeout(target, timeoutMilliseconds);
  await tell(akuma, settings, `connection to ${target} succeeded`);
  if (!isScan) await join(akuma, stream, settings);
  return 0;
}

async function serve(akuma: Akuma, local: SocketAddrV4, settings: Settings, keeps: boolean): Promise<number> {
  const listener = await akuma.net.TcpListener.bind(local);
  await tell(akuma, settings, `listening on ${listener.localAddr()}`);
  do {
    const { stream, address } = await listener.accept();
    if (!keeps) listener.close();
    await tell(akuma, settings, `connection from ${address}`);
    await join(akuma, stream, settings);
    stream.close();
  } while (keeps);
  return 0;
}

/** Both directions at once, until the other side has ended its half. */
async function join(akuma: Akuma, stream: TcpStream, settings: Settings): Promise<void> {
  stream.setReadTimeout(settings.timeoutMilliseconds);
  let failure: unknown = null;
  // It is not waited for: the other side may have closed while stdin is still open, on a terminal for ever.
  void send(akuma, stream).catch((error: unknown) => {
    failure = error;
  });
  await pump(akuma, stream, (bytes) => akuma.stdout.writeAll(bytes));
  if (failure !== null) throw failure;
}

async function send(akuma: Akuma, stream: TcpStream): Promise<void> {
  await pump(akuma, akuma.stdin, (bytes) => stream.writeAll(bytes));
  stream.shutdown(Shutdown.Write);
}

interface Source {
  read(buffer: Uint8Array): number | Promise<number>;
}

async function pump(akuma: Akuma, source: Source, take: (bytes: Uint8Array) => Promise<void>): Promise<void> {
  const block = akuma.allocate(BLOCK_BYTES);
  try {
    for (;;) {
      const count = await source.read(block);
      if (count === 0) return;
      await take(block.subarray(0, count));
    }
  } finally {
    akuma.free(block);
  }
}

async function talkUdp(akuma: Akuma, target: SocketAddrV4, settings: Settings): Promise<number> {
  using socket = await akuma.net.UdpSocket.bind("0.0.0.0:0");
  await socket.connect(target);
  return await joinUdp(akuma, socket, settings);
}

/** The first datagram decides who the peer is. */
async function serveUdp(akuma: Akuma, local: SocketAddrV4, settings: Settings): Promise<number> {
  using socket = await akuma.net.UdpSocket.bind(local);
  await tell(akuma, settings, `listening on ${socket.localAddr()}`);
  const block = akuma.allocate(BLOCK_BYTES);
  const { length, address } = await socket.recvFrom(block);
  await tell(akuma, settings, `datagram from ${address}`);
  await akuma.stdout.writeAll(block.subarray(0, length));
  akuma.free(block);
  await socket.connect(address);
  return await joinUdp(akuma, socket, settings);
}

/** Datagrams have no end: with -w silence is one, without it only a signal. */
async function joinUdp(akuma: Akuma, socket: UdpSocket, settings: Settings): Promise<number> {
  socket.setReadTimeout(settings.timeoutMilliseconds);
  const sending = pump(akuma, akuma.stdin, async (bytes) => {
    // What fits into a datagram on any link.
    for (let at = 0; at < bytes.length; at += 1400) await socket.send(bytes.slice(at, at + 1400));
  });
  void sending.catch(() => {});
  try {
    await pump(akuma, { read: (buffer) => receiveNonEmpty(socket, buffer) }, (bytes) => akuma.stdout.writeAll(bytes));
  } catch (error) {
    if (error instanceof AkumaError && error.errno === EAGAIN) return 0;
    throw error;
  }
  return 0;
}

/** An empty datagram is not the end of anything. */
async function receiveNonEmpty(socket: UdpSocket, buffer: Uint8Array): Promise<number> {
  for (;;) {
    const count = await socket.recv(buffer);
    if (count > 0) return count;
  }
}
