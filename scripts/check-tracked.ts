/**
 * Looks through the files that git tracks for what belongs to one machine or workplace and not in a public repository:
 * addresses of package registries, paths of a home or build folder, resolved addresses in the lock file.
 *
 *     node scripts/check-tracked.ts
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";

const forbidden: readonly { pattern: RegExp; what: string }[] = [
  { pattern: /"resolved": "https?:/, what: "a resolved address in a lock file" },
  { pattern: /https?:\/\/(registry|deb|security|mirror|proxy)\.[a-z]/, what: "a package registry's address" },
  { pattern: /\/(Users|home)\/(?!user\b|guest\b|akuma\b)[a-z]+\//, what: "a path of somebody's home" },
];

const root = resolve(import.meta.dirname, "..");
/** Where this very checkout lies. */
const checkout = { pattern: { test: (line: string) => line.includes(`${root}/`) }, what: "this checkout's path" };

/** What is wrong with one text, as `line: what`. */
export function findForbidden(text: string): string[] {
  return text
    .split("\n")
    .flatMap((line, index) =>
      [...forbidden, checkout]
        .filter(({ pattern }) => pattern.test(line))
        .map(({ what }) => `${index + 1}: ${what}: ${line.trim().slice(0, 120)}`),
    );
}

if (import.meta.main) {
  const files = execFileSync("git", ["ls-files", "-z"], { cwd: root, encoding: "utf8" }).split("\0").filter(Boolean);
  // This file and its test show what they look for.
  const searched = files.filter((file) => !file.startsWith("scripts/check-tracked"));
  const found: string[] = [];
  for (const file of searched) {
    let bytes: Buffer;
    try {
      bytes = readFileSync(resolve(root, file));
    } catch {
      continue; // Deleted in the working tree, not yet in the index.
    }
    if (!bytes.includes(0)) found.push(...findForbidden(bytes.toString("utf8")).map((line) => `${file}:${line}`));
  }
  for (const line of found) console.error(line);
  console.log(`tracked files: ${searched.length} read, ${found.length} findings`);
  process.exit(found.length === 0 && searched.length > 0 ? 0 : 1);
}
