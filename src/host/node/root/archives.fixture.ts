/** Archives for tests: tar files built entry by entry, with anything in them that a hostile one may have. */
import { createHash } from "node:crypto";
import { Header } from "tar/header";
import { Pax } from "tar/pax";

export interface TestEntry {
  name: string;
  type?: "File" | "Directory" | "SymbolicLink" | "Link" | "FIFO" | "CharacterDevice" | "BlockDevice" | "SparseFile";
  contents?: string | Uint8Array;
  mode?: number;
  userId?: number;
  groupId?: number;
  modifiedSeconds?: number;
  linkName?: string;
  device?: [number, number];
  /** What the header says, where it lies. */
  size?: number;
  /** Puts the name (and the link's) into a pax record, or into GNU's. */
  long?: "pax" | "gnu";
}

export const file = (name: string, contents: string | Uint8Array = "", more: Partial<TestEntry> = {}): TestEntry => ({
  name,
  contents,
  ...more,
});
export const folder = (name: string, mode = 0o755): TestEntry => ({ name, type: "Directory", mode });
export const symlink = (name: string, linkName: string): TestEntry => ({ name, type: "SymbolicLink", linkName });
export const link = (name: string, linkName: string): TestEntry => ({ name, type: "Link", linkName });

function padded(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}

function record(key: string, text: string): Buffer {
  const body = Buffer.from(`${text}\0`);
  const block = Buffer.alloc(512);
  new Header({ path: "././@LongLink", size: body.length, type: "NextFileHasLongPath" }).encode(block);
  block[156] = key.charCodeAt(0);
  block.write("        ", 148);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return Buffer.concat([block, padded(body)]);
}

function encode(entry: TestEntry): Buffer {
  const body = Buffer.from(entry.contents ?? "");
  const block = Buffer.alloc(512);
  const { name, linkName = "" } = entry;
  new Header({
    path: entry.long === undefined ? name : name.slice(0, 20),
    type: entry.type ?? "File",
    mode: entry.mode ?? 0o644,
    uid: entry.userId ?? 0,
    gid: entry.groupId ?? 0,
    size: entry.size ?? body.length,
    mtime: new Date((entry.modifiedSeconds ?? 1_000_000_000) * 1000),
    linkpath: entry.long === undefined ? linkName : "",
    devmaj: entry.device?.[0] ?? 0,
    devmin: entry.device?.[1] ?? 0,
  }).encode(block);
  const before: Buffer[] = [];
  if (entry.long === "pax")
    before.push(new Pax({ path: name, ...(linkName === "" ? {} : { linkpath: linkName }) }).encode());
  if (entry.long === "gnu") before.push(record("L", name), ...(linkName === "" ? [] : [record("K", linkName)]));
  return Buffer.concat([...before, block, padded(body)]);
}

/** With the two empty records at the end. */
export function tar(...entries: TestEntry[]): Buffer {
  return Buffer.concat([...entries.map(encode), Buffer.alloc(1024)]);
}

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** As `docker save` wrote it for long: manifest.json, and a folder for each layer. */
export function dockerImage(layers: readonly Uint8Array[], architecture = "arm64"): Buffer {
  const manifest = [
    { Config: "config.json", RepoTags: ["test:latest"], Layers: layers.map((_, k) => `layer${k}/layer.tar`) },
  ];
  return tar(
    ...layers.flatMap((bytes, k) => [folder(`layer${k}/`), file(`layer${k}/layer.tar`, bytes)]),
    file("config.json", JSON.stringify({ architecture, os: "linux" })),
    file("manifest.json", JSON.stringify(manifest)),
  );
}

/** An OCI image layout with images for several architectures. */
export function ociImage(images: Readonly<Record<string, readonly Uint8Array[]>>): Buffer {
  const blobs = new Map<string, Uint8Array>();
  const blob = (bytes: Uint8Array): string => {
    blobs.set(`blobs/sha256/${sha256(bytes)}`, bytes);
    return `sha256:${sha256(bytes)}`;
  };
  const manifests = Object.entries(images).map(([architecture, layers]) => {
    const config = { digest: blob(Buffer.from(JSON.stringify({ architecture, os: "linux" }))) };
    const manifest = { schemaVersion: 2, config, layers: layers.map((bytes) => ({ digest: blob(bytes) })) };
    return { digest: blob(Buffer.from(JSON.stringify(manifest))), platform: { architecture, os: "linux" } };
  });
  // As docker's buildx has it: one index in another.
  const nested = { digest: blob(Buffer.from(JSON.stringify({ schemaVersion: 2, manifests }))) };
  return tar(
    file("oci-layout", '{"imageLayoutVersion":"1.0.0"}'),
    file("index.json", JSON.stringify({ schemaVersion: 2, manifests: [nested] })),
    folder("blobs/"),
    folder("blobs/sha256/"),
    ...[...blobs].map(([name, bytes]) => file(name, bytes)),
  );
}
