/**
 * Counts what node:test reports: passed, failed, skipped with the reason. A file without any test, or whose process ends
 * badly, has failed; and a run in which no test ran is not a good one.
 */
import { inspect } from "node:util";

/** The part of node:test's pass and fail events that is read here. */
export interface TestEvent {
  readonly name: string;
  readonly file?: string | undefined;
  readonly line?: number | undefined;
  readonly skip?: string | boolean | undefined;
  readonly todo?: string | boolean | undefined;
  readonly details: { readonly type?: string | undefined; readonly error?: Error };
}

/** One that failed: where, and what its error says. */
export interface Failure {
  readonly title: string;
  readonly detail: string;
}

export class Tally {
  passed = 0;
  readonly failures: Failure[] = [];
  readonly skipped: { title: string; reason: string }[] = [];

  /** Takes one event; returns the failure it was, if it was one. */
  add(passed: boolean, event: TestEvent): Failure | null {
    const file = event.file ?? "?";
    // With process isolation a file is reported as a test only when it held none, or when its process failed by itself.
    if (event.name === event.file) return this.fail(file, passed ? new Error("holds no test") : event.details.error);
    // A suite, or a test with subtests, fails with what is in it; by itself only when a hook of it does.
    if (isOfSubtests(event.details.error)) return null;
    const title = `${file}:${event.line ?? 0} ${event.name}`;
    const reason = skipReason(event);
    if (reason !== null) this.skipped.push({ title, reason });
    else if (!passed) return this.fail(title, event.details.error);
    else if (event.details.type !== "suite") this.passed++;
    return null;
  }

  get isGood(): boolean {
    return this.failures.length === 0 && this.passed > 0;
  }

  /** The closing line. */
  summary(): string {
    const skipped = this.skipped.length > 0 ? `, ${this.skipped.length} skipped` : "";
    return `${this.passed} passed, ${this.failures.length} failed${skipped}`;
  }

  private fail(title: string, error: Error | undefined): Failure {
    const cause = error?.cause ?? error;
    const detail = cause instanceof Error ? (cause.stack ?? cause.message) : inspect(cause);
    const failure = { title, detail };
    this.failures.push(failure);
    return failure;
  }
}

function isOfSubtests(error: Error | undefined): boolean {
  return (error as { failureType?: string } | undefined)?.failureType === "subtestsFailed";
}

function skipReason({ skip, todo }: TestEvent): string | null {
  if (skip !== undefined && skip !== false) return typeof skip === "string" && skip !== "" ? skip : "no reason given";
  if (todo !== undefined && todo !== false) return typeof todo === "string" && todo !== "" ? `to do: ${todo}` : "to do";
  return null;
}
