/** The progress bar: one line on a terminal, rewritten a few times a second. */
import type { Akuma } from "../../libakuma/index.ts";

const REDRAW_MILLISECONDS = 200;
const BAR_COLUMNS = 20;

export class Progress {
  private readonly akuma: Akuma;
  private readonly name: string;
  /** Of the whole body; undefined where the server did not say. */
  private readonly total: number | undefined;
  private readonly startedAt: number;
  private readonly startedWith: number;
  private drawnAt = Number.NEGATIVE_INFINITY;

  constructor(akuma: Akuma, name: string, total: number | undefined, already: number) {
    this.akuma = akuma;
    this.name = name;
    this.total = total;
    this.startedWith = already;
    this.startedAt = akuma.monotonicMilliseconds();
  }

  /** Draws where the last drawing is long enough ago. */
  async update(received: number): Promise<void> {
    const now = this.akuma.monotonicMilliseconds();
    if (now - this.drawnAt < REDRAW_MILLISECONDS) return;
    this.drawnAt = now;
    await this.draw(received, now, false);
  }

  async finish(received: number): Promise<void> {
    await this.draw(received, this.akuma.monotonicMilliseconds(), true);
    await this.akuma.stderr.writeAll("\n");
  }

  private async draw(received: number, now: number, isDone: boolean): Promise<void> {
    const seconds = (now - this.startedAt) / 1000;
    const rate = seconds > 0 ? (received - this.startedWith) / seconds : 0;
    const line = progressLine({ name: this.name, received, total: this.total, rate, seconds, isDone });
    await this.akuma.stderr.writeAll(`\r${line.slice(0, this.akuma.stderr.columns - 1)}\x1b[K`);
  }
}

export interface ProgressState {
  name: string;
  received: number;
  total: number | undefined;
  /** Bytes per second. */
  rate: number;
  seconds: number;
  isDone: boolean;
}

/** "file.bin   45%[========>           ]  12.3M  3.20MB/s    eta 4s" */
export function progressLine(state: ProgressState): string {
  const { received, total, rate } = state;
  const name = state.name.length > 20 ? `${state.name.slice(0, 17)}...` : state.name.padEnd(20);
  const size = formatBytes(received).padStart(7);
  const speed = rate > 0 ? `${formatBytes(rate)}B/s` : "--.-KB/s";
  if (total === undefined) return `${name}     [${" <=> ".padEnd(BAR_COLUMNS)}] ${size}  ${speed}`;
  const fraction = total === 0 ? 1 : Math.min(1, received / total);
  const filled = Math.floor(fraction * BAR_COLUMNS);
  const bar = filled === 0 ? "" : `${"=".repeat(filled - 1)}${state.isDone ? "=" : ">"}`;
  const percent = `${Math.floor(fraction * 100)}%`.padStart(4);
  const left = rate > 0 ? (total - received) / rate : Number.POSITIVE_INFINITY;
  const time = state.isDone ? `in ${formatSeconds(state.seconds)}` : `eta ${formatSeconds(left)}`;
  return `${name} ${percent}[${bar.padEnd(BAR_COLUMNS)}] ${size}  ${speed}    ${time}`;
}

/** "512", "1.50K", "12.3M", "1.20G". */
export function formatBytes(count: number): string {
  if (count < 1024) return String(Math.round(count));
  let value = count;
  for (const unit of ["K", "M", "G", "T"]) {
    value /= 1024;
    if (value < 1024 || unit === "T") return `${value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)}${unit}`;
  }
  return String(count);
}

function formatSeconds(seconds: number): string {
  if (!Number.isFinite(seconds)) return "--";
  if (seconds < 10) return `${seconds.toFixed(1)}s`;
  if (seconds < 60) return `${Math.round(seconds)}s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${whole % 60}s`;
  return `${Math.floor(whole / 3600)}h ${Math.floor((whole % 3600) / 60)}m`;
}
