/** Takes memory without end. */
export async function main(): Promise<void> {
  const all: number[][] = [];
  for (;;) all.push(Array.from({ length: 100_000 }, (_, k) => k + 0.5));
}
