/** All scenarios. */
import type { Scenario } from "../script.ts";
import { tcpScenarios } from "./tcp.ts";
import { wrongKindScenarios } from "./wrong-kinds.ts";

export const scenarios: readonly Scenario[] = [...tcpScenarios, ...wrongKindScenarios];
