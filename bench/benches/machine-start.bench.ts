/** From the start of the built command to the end of a short program: nothing kept from earlier runs, translated code kept, and qemu. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { busyboxPath, programFolder, qemu, requirePrograms, rootFolder, timeOfProcess } from "../arm64.ts";
import type { Bench } from "../harness.ts";
import { buildPackage, builtCommand } from "../serving.ts";

interface Program {
  readonly name: string;
  /** On the host, for qemu; without `root` also what akuma is given. */
  readonly path: string;
  readonly arguments: readonly string[];
  readonly isInRoot: boolean;
}

const programs: readonly Program[] = [
  { name: "busybox-true", path: busyboxPath, arguments: ["true"], isInRoot: false },
  { name: "curl-version", path: "/usr/bin/curl", arguments: ["--version"], isInRoot: true },
  { name: "python-pass", path: "/usr/bin/python3.11", arguments: ["-S", "-c", "pass"], isInRoot: true },
  {
    name: "esbuild-version",
    path: join(programFolder, "npm/linux-arm64-esbuild/package/bin/esbuild"),
    arguments: ["--version"],
    isInRoot: false,
  },
];

function startOf({ name, path, arguments: words, isInRoot }: Program): Bench {
  const flags = isInRoot ? ["--root", rootFolder] : [];
  return {
    name: `machine-start-${name}`,
    what: `${name}, from process start to exit`,
    rounds: 7,
    open: () => {
      requirePrograms();
      buildPackage();
      const cache = mkdtempSync(join(tmpdir(), "akuma-code-"));
      const akuma = (...more: string[]): number =>
        timeOfProcess(process.execPath, [builtCommand, "run", ...flags, ...more, "--", path, ...words]);
      return {
        variants: [
          { name: "cold", unit: "ms", measure: () => akuma() },
          { name: "code-cache", unit: "ms", measure: () => akuma("--code-cache", cache) },
          {
            name: "qemu",
            unit: "ms",
            measure: () =>
              timeOfProcess(qemu(), isInRoot ? ["-L", rootFolder, join(rootFolder, path), ...words] : [path, ...words]),
          },
        ],
        against: "qemu",
        targets: { "code-cache": "≤ 1 ×" },
        close: () => rmSync(cache, { recursive: true }),
      };
    },
  };
}

export const benches: readonly Bench[] = programs.map(startOf);
