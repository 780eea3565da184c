import type { AttemptName, FakeExecutor } from "@pitaya/runner-agent/testing";
import type { Life } from "./world.ts";

/** A runner's machine, as far as it matters whether two attempts of one instance execute. */
export interface Watched {
  readonly runner: string;
  readonly engine: FakeExecutor;
  /** Of the runner-agent that is there, if any. */
  readonly agent: Life;
  /** Its containers run only on a lease that a warden holds. */
  readonly isWatched: boolean;
  /** When its runner-agent and its warden were both unable to do anything for the last time. */
  readonly unattendedAtMs: number;
}

/** Looks at the engines themselves: whatever the log says, an agent runs where it runs. */
export interface ExecutionWatch {
  /** An agent has just begun, or goes on. */
  began(name: AttemptName): Promise<void>;
  /** What a runner-agent was told of pauses. */
  paused(agent: Life, names: readonly AttemptName[], overranMs: number | undefined): void;
}

/** For processes that could do something again to have done it. */
const PATIENCE_MS = 1_000;

const keyOf = ({ runId, instanceId, attempt }: AttemptName) => `${runId}.${instanceId}.${attempt}`;

/**
 * Two attempts of one instance execute at once only where runner-agent and warden of the older one
 * could not act and the engine went on; the incarnation that finds it afterwards says by how long.
 */
export function executionWatch(
  machines: () => readonly Watched[],
  now: () => number,
  fail: (what: string) => void,
  note: (what: string) => void,
): ExecutionWatch {
  /** Older attempts that ran beside a younger one, with the runner-agent in whose hand they were. */
  const overran = new Map<string, Life>();

  return {
    async began({ runId, instanceId }) {
      const found = await Promise.all(
        machines().map(async (machine) => {
          const all = await machine.engine.list();
          return all
            .filter(({ name, state }) => state === "running" && name.instanceId === instanceId)
            .filter(({ name }) => name.runId === runId)
            .map(({ name }) => ({ machine, name }));
        }),
      );
      const running = found.flat().sort((a, b) => b.name.attempt - a.name.attempt);
      const [youngest, ...older] = running;
      for (const { machine, name } of older) {
        if (!machine.isWatched || youngest === undefined) continue;
        const what = `${keyOf(name)} on ${machine.runner} executes beside attempt ${youngest.name.attempt}`;
        if (now() - machine.unattendedAtMs > PATIENCE_MS) fail(what);
        else {
          note(what);
          overran.set(keyOf(name), machine.agent);
        }
      }
    },
    paused(agent, names, overranMs) {
      for (const name of names) {
        if (overran.get(keyOf(name)) !== agent) continue;
        if (overranMs === undefined) fail(`${keyOf(name)} overran, and nobody said so`);
        overran.delete(keyOf(name));
      }
    },
  };
}
