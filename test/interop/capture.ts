/** What tshark thinks of a capture. */
import { execFile } from "node:child_process";

/** One packet's fields, by their names. */
export type Fields = Record<string, string>;

const SETTINGS = [
  ...["ip", "tcp", "udp"].flatMap((name) => ["-o", `${name}.check_checksum:TRUE`]),
  // What a dissector makes of random bytes on some port is not of interest.
  ...["tcp", "udp"].flatMap((name) => ["-d", `${name}.port==1-65535,data`]),
];
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

/** Packets that are malformed below the application, or whose checksums are wrong. */
export async function badPackets(path: string): Promise<Fields[] | null> {
  const status = ["ip", "tcp", "udp", "icmp"].map((name) => `${name}.checksum.status == 0`).join(" || ");
  return await packets(path, `_ws.malformed || ${status}`, "frame.number", "frame.protocols", "_ws.expert.message");
}
