/**
 * libakuma: what a program has of the system. The specification's low-level wrappers and those of the other calls are its
 * methods; `net`, `fs`, stdio and the rest stand above them.
 */
import { FileSystem } from "./fs.ts";
import type { ProgramGate } from "./gate.ts";
import { Network } from "./net.ts";
import { ProcessCalls } from "./process-calls.ts";
import { StandardStream } from "./stdio.ts";

export class Akuma extends ProcessCalls {
  readonly stdin: StandardStream = new StandardStream(this, 0, "stdin");
  readonly stdout: StandardStream = new StandardStream(this, 1, "stdout");
  readonly stderr: StandardStream = new StandardStream(this, 2, "stderr");
  readonly net: Network = new Network(this);
  readonly fs: FileSystem = new FileSystem(this);

  /** The program's name first, as argv. */
  get arguments(): readonly string[] {
    return this.gate.arguments;
  }

  /** "NAME=value" each. */
  get environment(): readonly string[] {
    return this.gate.environment;
  }

  /** Writes text to stdout, followed by a line end. */
  print(text: string): Promise<void> {
    return this.stdout.writeAll(`${text}\n`);
  }
}

/** The system as seen through one gate. */
export function createAkuma(gate: ProgramGate): Akuma {
  return new Akuma(gate);
}
