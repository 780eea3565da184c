import { type KeyPolicy, PitayaError, TaskKey } from "@pitaya/protocol";
import type { PlannedTask } from "../planning/planned-task.ts";
import { KeyConflict } from "../sdk.ts";
import type { HostedTask } from "./hosted-execution.ts";
import { MAX_TASKS } from "./max-tasks.ts";
import type { Standing } from "./standing.ts";

/** Keys that begin so are the context's own. */
export const OWN_KEYS = "~";

/** Tasks by the key that the code gave, and by the key the log keeps them under. */
export interface KeyTable {
  readonly tasks: ReadonlyMap<string, HostedTask>;
  readonly replaced: ReadonlySet<string>;
  /** The key of the log for a key of the code; undefined where there is no such task. */
  nameOf(key: string): string | undefined;
  keyOf(name: string): string;
  /**
   * The key of the log for a task. The same whenever it is asked for: what an earlier answer gave is
   * recorded under that key since, with this fingerprint.
   * @throws `key_conflict` where the log has another task by that key
   */
  find(key: string, fingerprint: string): string;
  /**
   * @throws KeyConflict where the code itself asked for another task by that key
   * @throws `strategy_failed` beyond `MAX_TASKS`: it has gone too far, whatever it catches
   */
  add(key: string, name: string, planned: PlannedTask): HostedTask;
}

export function keyTable(options: {
  readonly standing: Standing;
  readonly prefix: string | undefined;
  readonly keyPolicy: KeyPolicy;
  recordedFingerprint(name: string): string | undefined;
}): KeyTable {
  const { standing, prefix, keyPolicy } = options;
  /** By the key the code gave. */
  const asked = new Map<string, HostedTask>();
  const tasks = new Map<string, HostedTask>();
  const replaced = new Set<string>();
  const keys = new Map<string, string>();

  function checkedKey(key: string): string {
    if (TaskKey.safeParse(key).success) return key;
    throw standing.fails(
      "strategy_failed",
      `asked for a task with the key ${JSON.stringify(key)}; keys have 1 to 200 characters, and no control characters`,
    );
  }

  const tooMany = () =>
    standing.fails(
      "strategy_failed",
      `asked for more than ${MAX_TASKS.toLocaleString("en")} tasks in one execution`,
    );

  const prefixed = (key: string) =>
    prefix === undefined || key.startsWith(OWN_KEYS) ? key : `${prefix}/${key}`;

  return {
    tasks,
    replaced,
    nameOf: (key) => asked.get(key)?.key,
    keyOf: (name) => keys.get(name) ?? name,
    find(key, fingerprint) {
      const before = asked.get(key);
      if (before) return before.key;
      const plain = checkedKey(prefixed(checkedKey(key)));
      for (let n = 0; ; n += 1) {
        const name = n === 0 ? plain : checkedKey(`${plain}/r${n}`);
        const held = tasks.get(name)?.planned.fingerprint ?? options.recordedFingerprint(name);
        if (held === fingerprint) return name;
        if (held === undefined && (n === 0 || keyPolicy === "suffix")) return name;
        if (held === undefined) throw standing.breaks(changedTask(key));
      }
    },
    add(key, name, planned) {
      const before = asked.get(key);
      if (before && before.planned.fingerprint !== planned.fingerprint) throw new KeyConflict(key);
      const known = tasks.get(name);
      if (known === undefined && tasks.size === MAX_TASKS) throw standing.breaks(tooMany());
      const hosted = known ?? { key: name, planned };
      tasks.set(name, hosted);
      asked.set(key, hosted);
      keys.set(name, key);
      const plain = prefixed(key);
      if (name !== plain) replaced.add(plain);
      return hosted;
    },
  };
}

const changedTask = (key: string) =>
  new PitayaError(
    "key_conflict",
    `the task of the key "${key}" is not the one the run began with`,
    { hint: "resumed with --resume-key-policy suffix, that task alone runs anew" },
  );
