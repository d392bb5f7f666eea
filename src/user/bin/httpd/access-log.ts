/** One line per request on stdout, in the Common Log Format. A reader that does not keep up loses lines, never stops the server. */
import type { Akuma } from "../../libakuma/index.ts";

const MOST_WAITING_BYTES = 256 * 1024;
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

export class AccessLog {
  private readonly akuma: Akuma;
  private waiting = "";
  private isWriting = false;

  constructor(akuma: Akuma) {
    this.akuma = akuma;
  }

  record(connection: { readonly fd: number }, request: string, status: number, size: number): void {
    if (this.waiting.length > MOST_WAITING_BYTES) return;
    const peer = this.akuma.getpeername(connection.fd);
    const host = typeof peer === "number" ? "-" : peer.ip;
    const time = formatTime(this.akuma.realtimeMilliseconds());
    this.waiting += `${host} - - [${time}] "${request.replaceAll('"', "%22")}" ${status} ${size}\n`;
    if (!this.isWriting) void this.write();
  }

  private async write(): Promise<void> {
    this.isWriting = true;
    try {
      while (this.waiting !== "") {
        const lines = this.waiting;
        this.waiting = "";
        await this.akuma.stdout.writeAll(lines);
      }
    } catch {
      // Without a stdout there is no log.
    }
    this.isWriting = false;
  }
}

/** "10/Oct/2000:13:55:36 +0000" */
function formatTime(milliseconds: number): string {
  const [date = "", time = ""] = new Date(milliseconds).toISOString().split("T");
  const [year, month, day] = date.split("-");
  return `${day}/${MONTHS[Number(month) - 1]}/${year}:${time.slice(0, 8)} +0000`;
}
