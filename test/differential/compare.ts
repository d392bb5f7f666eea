/** Lays what two kernels have answered side by side. */
import { type Difference, differences } from "./differences.ts";
import type { Outcome } from "./linux.ts";
import type { CompiledScenario } from "./script.ts";

/** One call that was answered differently. */
export interface Disagreement {
  readonly scenario: string;
  readonly call: string;
  readonly linux: string;
  readonly akuma: string;
  /** The line of the table that covers it. */
  readonly known: Difference | null;
}

export interface Comparison {
  readonly calls: number;
  readonly disagreements: readonly Disagreement[];
  /** Each scenario that has calls with unknown differences: all its calls, for reading. */
  readonly reports: readonly string[];
}

/** What each scenario's calls came to, by the scenario's name. */
export type Outcomes = ReadonlyMap<string, Outcome>;

function find(scenario: string, call: string, linux: string, akuma: string): Difference | null {
  const matches = (pattern: RegExp | undefined, text: string): boolean => pattern === undefined || pattern.test(text);
  const covers = (line: Difference): boolean =>
    line.scenario.test(scenario) && line.call.test(call) && matches(line.linux, linux) && matches(line.akuma, akuma);
  return differences.find(covers) ?? null;
}

/** One scenario for a person to read: its calls, and where the two disagree both answers. */
function describe(scenario: CompiledScenario, linux: Outcome, akuma: Outcome): string {
  const lines = scenario.calls.map((call, index) =>
    linux[index] === akuma[index]
      ? `    ${call} → ${linux[index]}`
      : `  ! ${call}\n        Linux: ${linux[index]}\n        Akuma: ${akuma[index]}`,
  );
  // How its process ended, where it did not end well.
  const ends = [linux, akuma].map((outcome) => outcome.slice(scenario.calls.length).join("; "));
  return [scenario.name, ...lines, ...(ends.join("") === "" ? [] : [`    ends: ${ends.join(" | ")}`])].join("\n");
}

export function compare(scenarios: readonly CompiledScenario[], onLinux: Outcomes, onAkuma: Outcomes): Comparison {
  const disagreements: Disagreement[] = [];
  const reports: string[] = [];
  let calls = 0;
  for (const scenario of scenarios) {
    const akuma = onAkuma.get(scenario.name) ?? [];
    const linux = onLinux.get(scenario.name) ?? [];
    let isExplained = true;
    for (const [line, call] of scenario.calls.entries()) {
      calls++;
      const [there, here] = [linux[line] ?? "nothing", akuma[line] ?? "nothing"];
      if (there === here) continue;
      const known = find(scenario.name, call, there, here);
      disagreements.push({ scenario: scenario.name, call, linux: there, akuma: here, known });
      if (known === null) isExplained = false;
    }
    if (!isExplained) reports.push(describe(scenario, linux, akuma));
  }
  return { calls, disagreements, reports };
}
