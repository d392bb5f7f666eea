/** The host's clock. */
import type { Clock } from "../../base/clock.ts";

export class NodeClock implements Clock {
  monotonicMilliseconds(): number {
    return performance.now();
  }

  realtimeMilliseconds(): number {
    return performance.timeOrigin + performance.now();
  }
}
