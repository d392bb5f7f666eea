/** httpd: serves the files of a folder over HTTP. */
import {
  AF_INET,
  IPPROTO_TCP,
  RLIMIT_NOFILE,
  SIGINT,
  SIGPIPE,
  SIGTERM,
  SO_REUSEADDR,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
  SOMAXCONN,
  TCP_NODELAY,
} from "../libakuma/constants.ts";
import { type Akuma, AkumaError, reason, SocketAddrV4 } from "../libakuma/index.ts";
import { AccessLog } from "./httpd/access-log.ts";
import { FileCache } from "./httpd/file-cache.ts";
import { defaultOptions, Server } from "./httpd/server.ts";
import { complain, parseOptions, parseSeconds, parseWhole, usageError } from "./shared/options.ts";

const usage = `usage: httpd [options] [FOLDER]
Serves the files of FOLDER (/public) over HTTP, with GET and HEAD.
  -p, --port PORT          port to listen on (8080)
  -a, --address ADDRESS    address to listen on (0.0.0.0)
  -r, --root FOLDER        the same as FOLDER
  -l, --log                print a line per request
  -q, --quiet              do not print the address at the start
      --idle-timeout SECONDS    close connections idle between requests (75)
      --head-timeout SECONDS    give up on requests that do not become complete (15)
      --send-timeout SECONDS    give up on clients that take nothing of an answer (60)
      --max-connections NUMBER  clients served at once (10000); more of them wait
  -h, --help               print this text`;

/** For the files that are served, so that as many clients as are let in can be answered. */
const SPARE_DESCRIPTORS = 64;
const CACHE_BYTES = 32 * 1024 * 1024;

export async function main(akuma: Akuma): Promise<number> {
  const options = parseOptions(akuma.arguments.slice(1), {
    port: { short: "p", long: "port", value: "PORT" },
    address: { short: "a", long: "address", value: "ADDRESS" },
    root: { short: "r", long: "root", value: "FOLDER" },
    log: { short: "l", long: "log" },
    quiet: { short: "q", long: "quiet" },
    idle: { long: "idle-timeout", value: "SECONDS" },
    head: { long: "head-timeout", value: "SECONDS" },
    send: { long: "send-timeout", value: "SECONDS" },
    most: { long: "max-connections", value: "NUMBER" },
    help: { short: "h", long: "help" },
  });
  if (typeof options === "string") return await usageError(akuma, options, usage);
  const { values, operands } = options;
  if (values.help !== undefined) {
    await akuma.print(usage);
    return 0;
  }
  if (operands.length > 1) return await usageError(akuma, `extra operand '${operands[1]}'`, usage);
  const port = parseWhole(String(values.port ?? 8080), 0, 65_535);
  if (port === undefined) return await usageError(akuma, `invalid port '${values.port}'`, usage);
  const most = parseWhole(String(values.most ?? defaultOptions.mostConnections), 1, 1_000_000);
  if (most === undefined) return await usageError(akuma, `invalid number '${values.most}'`, usage);
  const timeouts = [values.idle, values.head, values.send].map((text) => parseSeconds(String(text ?? 0)));
  if (timeouts.includes(undefined)) return await usageError(akuma, "a timeout is a number of seconds", usage);
  const [idle, head, send] = timeouts;
  const root = operands[0] ?? (values.root as string | undefined) ?? "/public";
  const bindTo = await addressOf(akuma, String(values.address ?? "0.0.0.0"), port);
  if (bindTo === undefined) return await usageError(akuma, `invalid address '${values.address}'`, usage);

  try {
    if (!akuma.fs.stat(root).isDirectory) {
      await complain(akuma, `${root}: Not a directory`);
      return 1;
    }
  } catch (error) {
    await complain(akuma, `${root}: ${reason(error)}`);
    return 1;
  }

  const listener = listen(akuma, bindTo);
  if (typeof listener === "string") {
    await complain(akuma, listener);
    return 1;
  }
  // A client that goes away while it is answered is no reason to end.
  akuma.signal(SIGPIPE, "ignore");
  const server = new Server(
    akuma,
    listener,
    new FileCache(akuma, absolute(akuma, root), CACHE_BYTES),
    values.log === undefined ? null : new AccessLog(akuma),
    {
      idleMilliseconds: idle || defaultOptions.idleMilliseconds,
      headMilliseconds: head || defaultOptions.headMilliseconds,
      sendMilliseconds: send || defaultOptions.sendMilliseconds,
      mostConnections: Math.min(most, Math.max(1, raiseDescriptorLimit(akuma) - SPARE_DESCRIPTORS)),
    },
  );
  akuma.signal(SIGTERM, () => server.stop());
  akuma.signal(SIGINT, () => server.stop());
  if (values.quiet === undefined) {
    const local = akuma.getsockname(listener);
    await akuma.print(`httpd: serving ${root} on http://${typeof local === "number" ? bindTo : local}/`);
  }
  await server.run();
  return 0;
}

/** A listening descriptor; what went wrong otherwise. */
function listen(akuma: Akuma, address: SocketAddrV4): number | string {
  const fd = akuma.socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return AkumaError.fromErrno(fd, "socket").message;
  akuma.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  // Connections inherit it. Answers are written whole: nothing is gained by holding back their last segment.
  akuma.setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  const bound = akuma.bind(fd, address);
  if (bound < 0) return AkumaError.fromErrno(bound, `bind ${address}`).message;
  const listening = akuma.listen(fd, SOMAXCONN);
  return listening < 0 ? AkumaError.fromErrno(listening, `listen on ${address}`).message : fd;
}

async function addressOf(akuma: Akuma, host: string, port: number): Promise<SocketAddrV4 | undefined> {
  try {
    return new SocketAddrV4(await akuma.net.resolve(host), port);
  } catch {
    return undefined;
  }
}

/** The root counts from where the server was started, whatever the working directory becomes. */
function absolute(akuma: Akuma, path: string): string {
  return path.startsWith("/") ? path : `${akuma.fs.currentDir}/${path}`;
}

/** RLIMIT_NOFILE up to its hard limit; the descriptors that may be open. */
function raiseDescriptorLimit(akuma: Akuma): number {
  const { memory } = akuma;
  const at = memory.heap.allocate(16);
  let limit = 1024;
  if (akuma.syscall(akuma.numbers.prlimit64, 0, RLIMIT_NOFILE, 0, at) === 0) {
    limit = Math.min(memory.readInt64(at), 65_536);
    const hard = Math.min(memory.readInt64(at + 8) < 0 ? 65_536 : memory.readInt64(at + 8), 65_536);
    if (hard > limit) {
      memory.writeInt64(at, hard);
      if (akuma.syscall(akuma.numbers.prlimit64, 0, RLIMIT_NOFILE, at, 0) === 0) limit = hard;
    }
  }
  memory.heap.free(at, 16);
  return limit;
}
