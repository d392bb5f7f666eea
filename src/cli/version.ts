/** The version, from the package.json that this code belongs to. */
import { readFile } from "node:fs/promises";

export async function readVersion(): Promise<string> {
  for (let folder = new URL(".", import.meta.url); ; folder = new URL("..", folder)) {
    try {
      const { name, version } = JSON.parse(await readFile(new URL("package.json", folder), "utf8")) as {
        name?: string;
        version?: string;
      };
      if (name === "akuma" && version !== undefined) return version;
    } catch {
      // Not in this folder.
    }
    if (folder.pathname === "/") return "unknown";
  }
}
