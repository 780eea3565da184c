import type { Clock } from "@pitaya/actors";
import { type FakeAgent, SCRIPTED_BUNDLE } from "@pitaya/runner-agent/testing";
import { z } from "zod";

/**
 * What agents do: succeed; fail retryably so many times and then succeed; fail retryably always; fail
 * for good.
 */
export const Behaviour = z.union([
  z.literal("well"),
  z.literal("flaky"),
  z.literal("refused"),
  z.literal("badly"),
]);
export type Behaviour = z.infer<typeof Behaviour>;

/** The prompt of every run: which instance behaves how follows from it and from the instance's id. */
export const Script = z.object({
  behaviours: z.array(Behaviour).min(1),
  takesMs: z.array(z.number().nonnegative()).min(1),
});
export type Script = z.infer<typeof Script>;

const share = (instance: string) => Number.parseInt(instance.slice(0, 6), 16);

export function behaviourOf({ behaviours }: Script, instance: string): Behaviour {
  return behaviours[share(instance) % behaviours.length] ?? "well";
}

export const endsWell = (behaviour: Behaviour): boolean =>
  behaviour === "well" || behaviour === "flaky";

const FAILS_FIRST = 2;

/** Plays agents by the script in their prompt. Their time is the engine's, which nothing stops. */
export function agentPlayer(clock: Clock) {
  const plays = new Map<string, number>();
  const pause = (ms: number) => new Promise<void>((done) => clock.setTimer(ms, done));

  /** A command that a check runs: it says a word and exits as it says. */
  async function check({ spec, write }: FakeAgent): Promise<number> {
    write("stdout", "checking\n");
    await pause(400);
    return Number(/exit (\d+)$/.exec(spec.argv.at(-1) ?? "")?.[1] ?? 0);
  }

  return async (agent: FakeAgent): Promise<number> => {
    const { instanceId } = agent.spec.name;
    if (agent.spec.discards) return check(agent);
    const script = Script.parse(JSON.parse(agent.spec.argv.at(-1) ?? ""));
    const played = (plays.get(instanceId) ?? 0) + 1;
    plays.set(instanceId, played);
    const takesMs = script.takesMs[(share(instanceId) + played) % script.takesMs.length] ?? 0;
    agent.write("stdout", "say working\n");
    await pause(takesMs / 2);
    agent.write("stdout", "say half\n");
    await pause(takesMs / 2);
    const behaviour = behaviourOf(script, instanceId);
    if (behaviour === "badly") return 3;
    if (behaviour === "refused" || (behaviour === "flaky" && played <= FAILS_FIRST)) {
      agent.write("stdout", "refused for now\n");
      return 1;
    }
    agent.commit(`${SCRIPTED_BUNDLE}${instanceId} ${agent.spec.name.attempt}`);
    agent.write("stdout", "done all\n");
    return 0;
  };
}
