/**
 * Measures variants against each other in one run: each round runs every variant once, one after another, so that a busy
 * machine slows all of them; the values are medians, and a ratio is the median of the rounds' ratios.
 */

/** One way of doing what is measured. */
export interface Variant {
  readonly name: string;
  readonly unit: string;
  /** One repetition; the value it measured, in `unit`. */
  readonly measure: () => number | Promise<number>;
}

/** What stands ready to be measured. */
export interface Setup {
  readonly variants: readonly Variant[];
  /** The variant that the others are compared with. */
  readonly against?: string;
  /** What a variant's ratio (or, without `against`, its value) should reach, for the table. */
  readonly targets?: Readonly<Record<string, string>>;
  readonly close?: () => void | Promise<void>;
}

export interface Bench {
  readonly name: string;
  /** What is measured, in one line. */
  readonly what: string;
  readonly rounds: number;
  /** Further flags of the Node that runs it. */
  readonly nodeFlags?: readonly string[];
  readonly open: () => Setup | Promise<Setup>;
}

/** One row of the result; also what `--json` prints. */
export interface Result {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly against: string | null;
  readonly ratio: number | null;
  readonly target: string | null;
  /** Of the rounds: half of the values lie between. */
  readonly quartiles: readonly [number, number];
}

/** Runs a bench: a round that does not count to warm up, then its rounds. */
export async function runBench(bench: Bench): Promise<Result[]> {
  const setup = await bench.open();
  try {
    const values = new Map<string, number[]>(setup.variants.map(({ name }) => [name, []]));
    for (let round = -1; round < bench.rounds; round++) {
      for (const variant of setup.variants) {
        const value = await variant.measure();
        if (round >= 0) values.get(variant.name)?.push(value);
      }
    }
    const base = setup.against === undefined ? undefined : values.get(setup.against);
    return setup.variants.map(({ name, unit }) => {
      const own = values.get(name) ?? [];
      const isCompared = base !== undefined && name !== setup.against;
      return {
        name: `${bench.name}/${name}`,
        value: median(own),
        unit,
        against: isCompared ? (setup.against ?? null) : null,
        ratio: isCompared ? median(own.map((value, round) => value / (base[round] ?? Number.NaN))) : null,
        target: setup.targets?.[name] ?? null,
        quartiles: [quantile(own, 0.25), quantile(own, 0.75)],
      };
    });
  } finally {
    await setup.close?.();
  }
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The value below which `part` of the values lie, interpolated. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  if (sorted.length === 0) return Number.NaN;
  const position = (sorted.length - 1) * part;
  const below = sorted[Math.floor(position)] as number;
  const above = sorted[Math.ceil(position)] as number;
  return below + (above - below) * (position - Math.floor(position));
}

/** Three significant digits, without exponents. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (value === 0 || Math.abs(value) >= 100) return Math.round(value).toLocaleString("en-US");
  return Number(value.toPrecision(3)).toString();
}
