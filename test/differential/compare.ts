/** Runs scenarios on both kernels and lays the outcomes side by side. */
import { World } from "../../src/user/kernel.fixture.ts";
import { callNumbers, runOnAkuma } from "./akuma.ts";
import { type Difference, differences } from "./differences.ts";
import { runOnLinux } from "./linux.ts";
import { type CompiledScenario, compile, type Scenario } from "./script.ts";

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
  readonly scenarios: number;
  readonly calls: number;
  readonly disagreements: readonly Disagreement[];
  /** Each scenario that has calls with unknown differences: all its calls, for reading. */
  readonly reports: readonly string[];
}

function find(scenario: string, call: string, linux: string, akuma: string): Difference | null {
  const matches = (pattern: RegExp | undefined, text: string): boolean => pattern === undefined || pattern.test(text);
  const covers = (line: Difference): boolean =>
    line.scenario.test(scenario) && line.call.test(call) && matches(line.linux, linux) && matches(line.akuma, akuma);
  return differences.find(covers) ?? null;
}

/** One scenario for a person to read: its calls, and where the two disagree both answers. */
function describe(
  scenario: CompiledScenario,
  linux: readonly (string | undefined)[],
  akuma: readonly (string | undefined)[],
): string {
  const lines = scenario.calls.map((call, index) =>
    linux[index] === akuma[index]
      ? `    ${call} → ${linux[index]}`
      : `  ! ${call}\n        Linux: ${linux[index]}\n        Akuma: ${akuma[index]}`,
  );
  return [scenario.name, ...lines].join("\n");
}

export async function compare(scenarios: readonly Scenario[]): Promise<Comparison> {
  const compiled = scenarios.map(compile);
  const onLinux = await runOnLinux(compiled);
  const disagreements: Disagreement[] = [];
  const reports: string[] = [];
  using world = new World(7);
  const numbers = callNumbers(world);
  let calls = 0;
  for (const [index, scenario] of compiled.entries()) {
    const akuma = await runOnAkuma(world, scenario, index, numbers);
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
  return { scenarios: scenarios.length, calls, disagreements, reports };
}
