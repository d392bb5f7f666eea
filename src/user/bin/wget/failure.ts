/** How a download fails: GNU wget's exit codes. */
export const ExitCode = {
  success: 0,
  generic: 1,
  parse: 2,
  fileIo: 3,
  network: 4,
  authentication: 6,
  protocol: 7,
  server: 8,
} as const;

export class Failure extends Error {
  override readonly name: string = "Failure";
  readonly code: number;
  /** Whether another try may end better. */
  readonly isPassing: boolean;

  constructor(code: number, message: string, isPassing = false) {
    super(message);
    this.code = code;
    this.isPassing = isPassing;
  }
}
