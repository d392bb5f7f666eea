/** What tshark thinks of a capture. */
import { execFile } from "node:child_process";

/** One packet's fields, by their names. */
export type Fields = Record<string, string>;

const SETTINGS = [
  ...["ip", "tcp", "udp"].flatMap((name) => ["-o", `${name}.check_checksum:TRUE`]),
  // What a dissector makes of random bytes on some port is not of interest.
  ...["tcp", "udp"].flatMap((name) => ["-d", `${name}.port==1-65535,data`]),
];
const MORE_FIELDS = ["tcp.options.timestamp.tsval", "tcp.checksum.status", "ip.checksum.status", "_ws.malformed"];

/** The packets that match the filter; null where there is no tshark. */
export async function packets(path: string, filter: string, ...fields: string[]): Promise<Fields[] | null> {
  const output = fields.flatMap((field) => ["-e", field]);
  const words = ["-r", path, ...SETTINGS, "-Y", filter, "-T", "fields", "-E", "separator=|", ...output];
  const text = await new Promise<string | null>((resolve, reject) => {
    execFile("tshark", words, { maxBuffer: 256 << 20 }, (error, stdout) => {
      if (error === null) resolve(stdout);
      else if (error.code === "ENOENT") resolve(null);
      else reject(error);
    });
  });
  if (text === null) return null;
  const lines = text.split("\n").filter((line) => line !== "");
  return lines.map((line) => {
    const values = line.split("|");
    return Object.fromEntries(fields.map((field, k) => [field, values[k] ?? ""]));
  });
}

/**
 * Packets that are malformed below the application, or were sent from `address` with wrong checksums. (Linux now and then writes a
 * TCP checksum of 0 as 0xffff, which is as good to a receiver, but not to tshark.)
 */
export async function badPackets(path: string, address: string): Promise<Fields[] | null> {
  const status = ["ip", "tcp", "udp", "icmp"].map((name) => `${name}.checksum.status == 0`).join(" || ");
  const filter = `_ws.malformed || (ip.src == ${address} && (${status}))`;
  return await packets(path, filter, "frame.number", "frame.protocols", "_ws.expert.message");
}

/**
 * What a sender must never do, whatever the network does to its segments: write a wrong checksum, take an acknowledgment, the window's right edge or its
 * clock back (RFC 9293 section 3.8.6, RFC 7323 section 4.1), or send beyond the edge that the other side has given. The capture is
 * one of the sender's own interface. Null where there is no tshark.
 */
export async function faultsOfSender(path: string, address: string): Promise<string[] | null> {
  const fields = ["frame.number", "tcp.stream", "ip.src", "tcp.seq", "tcp.len", "tcp.ack", "tcp.window_size"];
  const captured = await packets(path, "tcp.flags.reset == 0", ...fields, ...MORE_FIELDS);
  if (captured === null) return null;
  const streams = new Map<string, { acknowledged: number; edge: number; clock: number; edgeGiven: number }>();
  const faults: string[] = [];
  for (const packet of captured) {
    const name = packet["tcp.stream"] as string;
    const stream = streams.get(name) ?? { acknowledged: 0, edge: 0, clock: 0, edgeGiven: 0 };
    streams.set(name, stream);
    const [number, sequence, length, acknowledged, window, clock] = [
      packet["frame.number"],
      packet["tcp.seq"],
      packet["tcp.len"],
      packet["tcp.ack"],
      packet["tcp.window_size"],
      packet["tcp.options.timestamp.tsval"],
    ].map(Number) as [number, number, number, number, number, number];
    const edge = acknowledged + window;
    if (packet["ip.src"] !== address) {
      stream.edgeGiven = Math.max(stream.edgeGiven, edge);
      continue;
    }
    const complain = (what: string): unknown => faults.push(`packet ${number} of stream ${name}: ${what}`);
    if (packet["tcp.checksum.status"] !== "1" || packet["ip.checksum.status"] !== "1")
      complain("its checksum is wrong");
    if (packet["_ws.malformed"] !== "") complain("it is malformed");
    if (acknowledged < stream.acknowledged) complain(`acknowledges ${acknowledged} after ${stream.acknowledged}`);
    if (edge < stream.edge) complain(`takes the window's edge back from ${stream.edge} to ${edge}`);
    // Where no timestamps were agreed upon there is none.
    if (clock > 0 && clock < stream.clock) complain(`its clock goes back from ${stream.clock} to ${clock}`);
    if (length > 0 && sequence + length > stream.edgeGiven) complain(`sends beyond ${stream.edgeGiven}`);
    stream.acknowledged = acknowledged;
    stream.edge = edge;
    stream.clock = clock;
  }
  return captured.length === 0 ? ["no packets were captured"] : faults;
}
