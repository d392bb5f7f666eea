/** How a command says that it cannot do what was asked. */

/** The command line is wrong: exit code 2. */
export class UsageError extends Error {
  override name = "UsageError";
  /** A command that shows what would be right. */
  readonly tryThis: string;

  constructor(message: string, tryThis = "akuma --help") {
    super(message);
    this.tryThis = tryThis;
  }
}

/** What was asked is clear and cannot be done, or has been done with this exit code (and no message). */
export class CommandFailure extends Error {
  override name = "CommandFailure";
  readonly exitCode: number;

  constructor(message: string, exitCode = 1, cause?: unknown) {
    super(message, { cause });
    this.exitCode = exitCode;
  }
}
