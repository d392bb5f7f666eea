/**
 * Image archives: what `docker save` and the tools of OCI write. They hold layers, each an archive of its own, and say in
 * JSON files which ones an image consists of.
 */
import { posix } from "node:path";
import type { ByteSource } from "../../../kernel/vfs/byte-source.ts";
import { ArchiveSlice } from "./archive-bytes.ts";
import { ArchiveError } from "./archive-error.ts";
import type { TarEntry } from "./tar-reader.ts";

/** What guests are made for. */
const ARCHITECTURE = "arm64";
const JSON_MAXIMUM_BYTES = 4 << 20;
const LAYERS_MAXIMUM = 512;
const NESTED_INDEXES_MAXIMUM = 4;

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
type JsonObject = { [name: string]: Json };

export interface ImageLayer {
  /** For messages. */
  name: string;
  source: ByteSource;
}

/** The layers of the image in an archive, the lowest first; null if it holds none and is a file system itself. */
export function imageLayers(
  entries: readonly TarEntry[],
  source: ByteSource,
  archiveName: string,
): ImageLayer[] | null {
  return new ImageArchive(entries, source, archiveName).layers();
}

class ImageArchive {
  private readonly entries: Map<string, TarEntry> = new Map();
  private readonly source: ByteSource;
  private readonly archiveName: string;

  constructor(entries: readonly TarEntry[], source: ByteSource, archiveName: string) {
    this.source = source;
    this.archiveName = archiveName;
    for (const entry of entries) this.entries.set(posix.normalize(`/${entry.name}`).replace(/\/$/, ""), entry);
  }

  layers(): ImageLayer[] | null {
    // Where both are there, the index tells of platforms.
    if (this.find("oci-layout") !== null && this.find("index.json") !== null) {
      return this.layersOfIndex(this.json("index.json"), 0);
    }
    if (this.find("manifest.json") === null) return null;
    const manifest = this.json("manifest.json");
    const images = Array.isArray(manifest) ? manifest.filter((image) => Array.isArray(objectOf(image)["Layers"])) : [];
    // Any file system may have a file of this name.
    if (images.length === 0) return null;
    const image = images.find((candidate) => this.isForUs(objectOf(candidate)["Config"])) ?? null;
    if (image === null) throw this.wrongArchitecture();
    return this.layersAt(arrayOf(objectOf(image)["Layers"]).map(String));
  }

  private layersOfIndex(index: Json, depth: number): ImageLayer[] {
    const manifests = arrayOf(objectOf(index)["manifests"]).map(objectOf);
    const isRight = (descriptor: JsonObject): boolean => {
      const platform = objectOf(descriptor["platform"] ?? null);
      return platform["architecture"] === ARCHITECTURE && platform["os"] === "linux";
    };
    // Without a platform it is told by the image itself.
    const candidates = manifests.filter(isRight).concat(manifests.filter(({ platform }) => platform === undefined));
    for (const descriptor of candidates) {
      const path = blobPath(descriptor["digest"]);
      if (path === null || this.find(path) === null) continue;
      const manifest = objectOf(this.json(path));
      if (Array.isArray(manifest["manifests"])) {
        if (depth < NESTED_INDEXES_MAXIMUM) return this.layersOfIndex(manifest, depth + 1);
        continue;
      }
      if (!isRight(descriptor) && !this.isForUs(blobPath(objectOf(manifest["config"] ?? null)["digest"]))) continue;
      const paths = arrayOf(manifest["layers"]).map((layer) => blobPath(objectOf(layer)["digest"]));
      if (paths.includes(null)) throw new ArchiveError(`${this.archiveName}: the image's manifest is damaged`);
      return this.layersAt(paths as string[]);
    }
    throw this.wrongArchitecture();
  }

  private layersAt(paths: readonly string[]): ImageLayer[] {
    if (paths.length > LAYERS_MAXIMUM) throw new ArchiveError(`${this.archiveName}: the image has too many layers`);
    return paths.map((path) => {
      const entry = this.find(path);
      if (entry === null) throw new ArchiveError(`${this.archiveName}: the image's layer ${path} is not in it`);
      const source = new ArchiveSlice(this.source, entry.position, entry.size);
      return { name: `${this.archiveName} (${path})`, source };
    });
  }

  /** Whether the image's configuration says that it is for guests' machines. */
  private isForUs(path: Json | undefined): boolean {
    if (typeof path !== "string" || this.find(path) === null) return false;
    return objectOf(this.json(path))["architecture"] === ARCHITECTURE;
  }

  /** A file of the archive; links to others in it are followed. */
  private find(path: string): TarEntry | null {
    let name = posix.normalize(`/${path}`);
    for (let links = 0; links < 8; links++) {
      const entry = this.entries.get(name);
      if (entry?.type === "file") return entry;
      if (entry?.type === "link") name = posix.normalize(`/${entry.linkName}`);
      else if (entry?.type === "symlink") name = posix.resolve(posix.dirname(name), entry.linkName);
      else return null;
    }
    return null;
  }

  private json(path: string): Json {
    const entry = this.find(path);
    if (entry === null || entry.size > JSON_MAXIMUM_BYTES)
      throw new ArchiveError(`${this.archiveName}: no ${path} in it`);
    const bytes = Buffer.alloc(entry.size);
    const slice = new ArchiveSlice(this.source, entry.position, entry.size);
    for (let done = 0; done < bytes.length; ) {
      const count = slice.read(bytes, done, bytes.length - done, done);
      if (count <= 0) throw new ArchiveError(`${this.archiveName}: ${path} cannot be read`);
      done += count;
    }
    try {
      return JSON.parse(bytes.toString("utf8")) as Json;
    } catch {
      // Also a file of that name in a file system, which need not be JSON at all.
      return null;
    }
  }

  private wrongArchitecture(): ArchiveError {
    return new ArchiveError(
      `${this.archiveName} holds no image for linux/${ARCHITECTURE}: get it with --platform linux/${ARCHITECTURE}`,
    );
  }
}

function objectOf(value: Json | undefined): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
}

function arrayOf(value: Json | undefined): Json[] {
  return Array.isArray(value) ? value : [];
}

/** "sha256:abc" lies at blobs/sha256/abc. */
function blobPath(digest: Json | undefined): string | null {
  const [, algorithm, value] = /^([a-z0-9+._-]+):([a-f0-9]+)$/.exec(String(digest)) ?? [];
  return algorithm === undefined || value === undefined ? null : `blobs/${algorithm}/${value}`;
}
