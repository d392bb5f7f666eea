import type { Akuma } from "../../../src/user/libakuma/akuma.ts";

/** Leaves a promise that rejects. */
export async function main(akuma: Akuma): Promise<void> {
  void Promise.reject(new Error("left alone"));
  await akuma.sleep(60_000);
}
