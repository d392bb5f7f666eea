/** All scenarios. */
import type { Scenario } from "../script.ts";
import { descriptorScenarios } from "./descriptors.ts";
import { fifoScenarios } from "./fifos.ts";
import { fileScenarios } from "./files.ts";
import { identityScenarios } from "./identities.ts";
import { inotifyScenarios } from "./inotify.ts";
import { lockScenarios } from "./locks.ts";
import { memoryScenarios } from "./memory.ts";
import { messageScenarios } from "./messages.ts";
import { nameScenarios } from "./names.ts";
import { netlinkScenarios } from "./netlink.ts";
import { optionScenarios } from "./options.ts";
import { pathScenarios } from "./paths.ts";
import { permissionScenarios } from "./permissions.ts";
import { pipeScenarios } from "./pipes.ts";
import { pollingScenarios } from "./polling.ts";
import { processScenarios } from "./processes.ts";
import { rawScenarios } from "./raw.ts";
import { socketScenarios } from "./sockets.ts";
import { spliceScenarios } from "./splicing.ts";
import { tcpScenarios } from "./tcp.ts";
import { terminalScenarios } from "./terminals.ts";
import { timeScenarios } from "./time.ts";
import { timerScenarios } from "./timers.ts";
import { udpScenarios } from "./udp.ts";
import { unixScenarios } from "./unix.ts";
import { waitingScenarios } from "./waiting.ts";
import { wrongKindScenarios } from "./wrong-kinds.ts";

export const scenarios: readonly Scenario[] = [
  ...descriptorScenarios,
  ...fifoScenarios,
  ...fileScenarios,
  ...identityScenarios,
  ...inotifyScenarios,
  ...lockScenarios,
  ...memoryScenarios,
  ...messageScenarios,
  ...nameScenarios,
  ...netlinkScenarios,
  ...optionScenarios,
  ...pathScenarios,
  ...permissionScenarios,
  ...pipeScenarios,
  ...pollingScenarios,
  ...processScenarios,
  ...rawScenarios,
  ...socketScenarios,
  ...spliceScenarios,
  ...tcpScenarios,
  ...terminalScenarios,
  ...timeScenarios,
  ...timerScenarios,
  ...udpScenarios,
  ...unixScenarios,
  ...waitingScenarios,
  ...wrongKindScenarios,
];
