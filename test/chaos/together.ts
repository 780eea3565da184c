import type { Victim } from "./world.ts";

/** Several at the same moment. */
export function together(name: string, victims: readonly Victim[]): Victim {
  const all = (what: (victim: Victim) => void | Promise<void>) => async () => {
    await Promise.all(victims.map(what));
  };
  return {
    name,
    kill: all((victim) => victim.kill()),
    bringBack: all((victim) => victim.bringBack()),
    freeze: all((victim) => victim.freeze()),
    thaw: all((victim) => victim.thaw()),
  };
}
