/** Inside a worker thread: loads a program and gives it a gate whose calls cross to the kernel's thread. */
import { parentPort, workerData } from "node:worker_threads";
import { programs } from "../../user/bin/index.ts";
import type { Program, ProgramGate } from "../../user/libakuma/gate.ts";
import { startProgram } from "../../user/libakuma/start.ts";
import {
  AdaptiveSpin,
  type FromWorker,
  NUMBER,
  REQUEST,
  RESULT,
  STATE,
  TICKET,
  type ToWorker,
  WorkerChannel,
  type WorkerStart,
} from "./worker-channel.ts";

const start = workerData as WorkerStart;
const port = parentPort;
if (port === null) throw new Error("worker-entry runs in a worker thread only");

const { control, values } = new WorkerChannel(start.channel);
const spin = new AdaptiveSpin();
const waiting = new Map<number, (result: number) => void>();
let deliver: ((signal: number, token: number) => void) | null = null;
const isAnswered = (): boolean => Atomics.load(control, STATE) !== REQUEST;

const gate: ProgramGate = {
  memory: start.memory,
  abi: start.abi,
  arguments: start.arguments,
  environment: start.environment,
  heapBase: start.heapBase,
  call(number, a0, a1, a2, a3, a4, a5) {
    control[NUMBER] = number;
    values[0] = a0;
    values[1] = a1;
    values[2] = a2;
    values[3] = a3;
    values[4] = a4;
    values[5] = a5;
    Atomics.store(control, STATE, REQUEST);
    Atomics.notify(control, STATE);
    if (!spin.until(isAnswered)) Atomics.wait(control, STATE, REQUEST);
    const ticket = control[TICKET] as number;
    if (ticket === 0) return values[RESULT] as number;
    return new Promise<number>((resolve) => waiting.set(ticket, resolve));
  },
  onSignal(handler) {
    deliver = handler;
    port.postMessage({ kind: "handles-signals", on: handler !== null } satisfies FromWorker);
  },
};

port.on("message", (message: ToWorker) => {
  if (message.kind === "signal") {
    deliver?.(message.signal, message.token);
    return;
  }
  const resolve = waiting.get(message.ticket);
  waiting.delete(message.ticket);
  resolve?.(message.result);
});

const load = start.moduleUrl === null ? programs[start.builtin] : () => import(start.moduleUrl as string);
try {
  if (load === undefined) throw new Error(`no program named ${start.builtin}`);
  const module = (await load()) as Program;
  if (typeof module.main !== "function") throw new TypeError("the module does not export a function main(akuma)");
  await startProgram(gate, module);
} catch (error) {
  port.postMessage({ kind: "failed", message: String(error) } satisfies FromWorker);
}
