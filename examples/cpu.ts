/** The CPU without a kernel: runs a few words of AArch64 code. `node examples/cpu.ts` prints 10! */
import { Cpu } from "../src/cpu/index.ts";

const CODE = 0x10000;
const words = [
  0xd2800020, // MOV X0, #1
  0x9b017c00, // MUL X0, X0, X1
  0xf1000421, // SUBS X1, X1, #1
  0x54ffffc1, // B.NE −8
  0xd4000001, // SVC #0
];

const memory = new WebAssembly.Memory({ initial: 16 });
new Uint32Array(memory.buffer).set(words, CODE / 4);
const cpu = new Cpu({ memory });
cpu.pc = CODE;
cpu.setX(1, 10);
const stop = cpu.run(1_000_000);
console.log(stop.reason, cpu.x(0));
