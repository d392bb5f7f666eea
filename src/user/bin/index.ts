/** The programs of /bin, each loaded when it is first run. */
import type { Program } from "../libakuma/index.ts";

export const programs: Readonly<Record<string, () => Promise<Program>>> = {
  httpd: () => import("./httpd.ts"),
  wget: () => import("./wget.ts"),
};
