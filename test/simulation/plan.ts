import { branchName, DEFAULT_LIMITS, instanceId, makeRunId, RunSpec } from "@pitaya/protocol";
import { MISSING_FILE } from "@pitaya/runner-agent/testing";
import { canonicalHash } from "@pitaya/strategies";
import { type Behaviour, behaviourOf, endsWell, type Script } from "./agents.ts";
import type { Weather } from "./network.ts";
import { type Random, random } from "./random.ts";

export const START_MS = Date.UTC(2026, 0, 2, 3, 4, 5);
export const CREDENTIAL = "LINE_KEY";

/** What the outside does to a run, when it has run for so long. */
export interface Intervention {
  readonly afterMs: number;
  readonly mode: "interrupt" | "cancel";
  /** From the interruption to the resumption. */
  readonly resumeAfterMs: number;
}

export interface RunPlan {
  readonly client: string;
  readonly submitAfterMs: number;
  readonly spec: Omit<RunSpec, "base">;
  readonly script: Script;
  readonly intervention: Intervention | undefined;
}

export type Fault =
  | {
      readonly kind: "crash" | "stop" | "freeze" | "double" | "cut";
      readonly host: string;
      readonly forMs: number;
    }
  /** A container is removed by somebody else. */
  | { readonly kind: "container"; readonly host: string; readonly forMs: number }
  /** The machine goes down: its containers and what was not synced with it. */
  | { readonly kind: "power"; readonly host: string; readonly forMs: number }
  /** Killed for good. */
  | { readonly kind: "kill"; readonly host: string; readonly forMs: number }
  | { readonly kind: "outage"; readonly forMs: number }
  /** Of a runner's warden alone, or of runner-agent and warden at once. */
  | {
      readonly kind: "warden" | "both";
      readonly what: "crash" | "freeze" | "cut";
      readonly host: string;
      readonly forMs: number;
    };

/** Everything a seed decides before anything happens. */
export interface Plan {
  readonly seed: number;
  readonly coordinators: readonly string[];
  readonly runners: readonly { readonly name: string; readonly slots: number }[];
  /** Runners have wardens, and let attempts stand still for so long; in the other seeds they have none. */
  readonly wardens: { readonly pauseMaxMs: number } | undefined;
  readonly runs: readonly RunPlan[];
  readonly weather: Weather;
  /** By the number of the event before which they come, ascending. */
  readonly faults: readonly { readonly atStep: number; readonly fault: Fault }[];
  /** How far clocks differ at most. */
  readonly skewMs: number;
  /** Events between two checkpoints of a coordinator's fold. */
  readonly checkpointEvery: number;
}

export const statusOf = (
  script: Script,
  run: string,
  execution: string,
  key: string,
): "succeeded" | "failed" =>
  endsWell(behaviourOf(script, instanceId(run, execution, key))) ? "succeeded" : "failed";

/**
 * Every key of a run with its outcome, and the run's own, where nothing goes wrong. `ended`: any
 * outcome may be, since it is a matter of who is first.
 */
export function faultFree({ spec, script }: Pick<RunPlan, "spec" | "script">) {
  const keys = new Map<string, "succeeded" | "failed" | "ended">();
  let failed = false;
  for (let n = 1; n <= spec.executions; n += 1) {
    const of = (key: string) => {
      const status = statusOf(script, spec.run, `s${n}`, key);
      keys.set(instanceId(spec.run, `s${n}`, key), status);
      return status;
    };
    const width = Number(spec.strategy.params["width"] ?? 0);
    const wide = (part: string) => Array.from({ length: width }, (_, at) => of(`${part}/${at}`));
    if (spec.strategy.name === "simple") failed = of("simple") === "failed" || failed;
    if (spec.strategy.name === "checked") {
      if (of("work") === "failed") failed = true;
      else
        for (const key of checkKeys(spec)) keys.set(instanceId(spec.run, "s1", key), "succeeded");
    }
    if (spec.strategy.name === "all-fail") failed = wide("try").length > 0;
    if (spec.strategy.name === "raced") {
      for (let at = 0; at <= width; at += 1) {
        keys.set(instanceId(spec.run, `s${n}`, `race/${at}`), "ended");
      }
      if (of("last") === "failed") failed = true;
    }
    if (spec.strategy.name === "two-stage") {
      const well = wide("first").filter((status) => status === "succeeded").length;
      if (of(`last/${well}`) === "failed") failed = true;
    }
  }
  return { keys, status: failed ? ("failed" as const) : ("succeeded" as const) };
}

/** What the strategy asks for once the work is done. */
function checkKeys({ run, strategy, branchNaming }: RunPlan["spec"]): readonly string[] {
  const work = branchName(branchNaming, strategy.name, run, instanceId(run, "s1", "work"));
  const read = (branch: string, path: string) =>
    `~read/${canonicalHash([branch, path]).slice(0, 16)}`;
  return ["check", read(work, "note"), read("main", MISSING_FILE)];
}

const BEHAVIOURS: readonly (readonly Behaviour[])[] = [
  ["well"],
  ["well"],
  ["well", "flaky"],
  ["well", "badly"],
  ["badly"],
  ["refused"],
  ["flaky"],
];

export function planOf(seed: number): Plan {
  const chance = random(seed, "plan");
  const coordinators = chance.chance(0.5) ? ["c1", "c2"] : ["c1"];
  const runners = ["r1", "r2"]
    .slice(0, chance.chance(0.5) ? 2 : 1)
    .map((name) => ({ name, slots: 1 + chance.below(3) }));
  const count = chance.chance(0.25) ? 2 : 1;
  const runs = Array.from({ length: count }, (_, n) => runPlan(seed, n, chance));
  const isStormy = chance.chance(0.6);
  const share = (most: number) => (isStormy && chance.chance(0.6) ? chance.between(0, most) : 0);
  const weather: Weather = {
    lost: share(0.04),
    unanswered: share(0.04),
    slow: share(0.05),
    twice: share(0.5),
  };
  const hosts = [
    ...coordinators,
    ...coordinators,
    ...runners.flatMap(({ name }) => [name, name]),
    ...runs.map(({ client }) => client),
  ];
  const keys = runs.reduce((sum, run) => sum + faultFree(run).keys.size, 0);
  const span = 150 + keys * 220;
  const faults: { atStep: number; fault: Fault }[] = Array.from(
    { length: chance.below(5) },
    () => ({
      atStep: chance.below(span),
      fault: faultOf(chance, hosts),
    }),
  );
  const wardens = wardensOf(seed, runners, span);
  faults.push(...wardens.faults);
  faults.sort((a, b) => a.atStep - b.atStep);
  return {
    seed,
    coordinators,
    runners: wardens.runners,
    wardens: wardens.settings,
    runs,
    weather,
    faults,
    skewMs: chance.chance(0.3) ? 3_000 : 0,
    checkpointEvery: chance.chance(0.5) ? 1 + chance.below(40) : 20_000,
  };
}

/** One seed in so many has wardens. */
const WARDENS_IN = 10;

/** What only seeds with wardens decide, by chance of their own: the others are as they were without. */
function wardensOf(seed: number, runners: Plan["runners"], span: number) {
  if (seed % WARDENS_IN !== 0) return { runners, settings: undefined, faults: [] };
  const chance = random(seed, "wardens");
  const faults = Array.from({ length: chance.below(4) }, () => ({
    // They take events of their own.
    atStep: chance.below(span * 1.5),
    fault: {
      kind: chance.chance(0.4) ? ("both" as const) : ("warden" as const),
      what: chance.pick(["crash", "freeze", "freeze", "cut"] as const),
      host: chance.pick(runners).name,
      forMs: chance.between(0, 20_000),
    },
  }));
  return {
    // Where another could take over, it can be seen that nothing runs twice.
    runners:
      runners.length > 1 ? runners : [...runners, { name: "r2", slots: 1 + chance.below(3) }],
    settings: { pauseMaxMs: chance.chance(0.25) ? chance.between(2_000, 10_000) : 600_000 },
    faults,
  };
}

function faultOf(chance: Random, hosts: readonly string[]): Fault {
  const host = chance.pick(hosts);
  const forMs = chance.chance(0.5) ? chance.between(0, 3_000) : chance.between(3_000, 20_000);
  const draw = chance.next();
  if (draw < 0.4) return { kind: "crash", host, forMs };
  if (draw < 0.58) return { kind: "freeze", host, forMs };
  if (draw < 0.7) return { kind: "cut", host, forMs };
  if (draw < 0.8) return { kind: "outage", forMs };
  if (!host.startsWith("cli") && draw < 0.86) return { kind: "double", host, forMs };
  if (!host.startsWith("cli") && draw < 0.92) return { kind: "stop", host, forMs };
  if (host.startsWith("r")) return { kind: draw < 0.96 ? "power" : "container", host, forMs };
  if (host.startsWith("cli")) return { kind: "kill", host, forMs };
  return { kind: "crash", host, forMs };
}

function runPlan(seed: number, n: number, chance: Random): RunPlan {
  const behaviours = chance.pick(BEHAVIOURS);
  const takesMs = Array.from({ length: 3 }, () =>
    chance.chance(0.8) ? chance.between(0, 1_500) : chance.between(1_500, 12_000),
  ).map(Math.round);
  const script: Script = { behaviours: [...behaviours], takesMs };
  const drawn = chance.pick(["simple", "simple", "simple", "two-stage", "all-fail"]);
  // Nothing is drawn for it, so that all other seeds stay what they are.
  const name = seed % 11 === 3 ? "checked" : seed % 11 === 7 ? "raced" : drawn;
  const client = `cli${n + 1}`;
  const width = 1 + chance.below(2);
  const needsCredentials = chance.chance(0.4);
  const spec = RunSpec.omit({ base: true }).parse({
    run: makeRunId(new Date(START_MS), (seed * 4 + n).toString(16).padStart(8, "0").slice(-8)),
    client,
    submittedAt: new Date(START_MS).toISOString(),
    prompt: { inline: JSON.stringify(script) },
    repository: { name: "demo", path: "/tmp/demo", objectFormat: "sha1" },
    strategy: { name, params: name === "simple" || name === "checked" ? {} : { width } },
    executions: name === "simple" ? 1 + chance.below(4) : 1,
    agent: {
      plugin: "line",
      image: "line-image",
      cliArgs: [],
      credentials: needsCredentials ? [CREDENTIAL] : [],
    },
    limits: DEFAULT_LIMITS,
    network: "online",
    ...(chance.chance(0.2) ? { maxParallel: 1 + chance.below(2) } : {}),
    // Enough that lost attempts never use them up, where something is to come of the run.
    retries: behaviours.includes("refused") ? 1 : 20,
    forceCommit: false,
    author: { name: "Agent", email: "agent@example.org" },
    import: { policy: "auto", conflict: "fail", skipEmpty: true, allowProtected: false },
    branchNaming: "hierarchical",
  });
  const intervention: Intervention | undefined = chance.chance(0.25)
    ? {
        afterMs: chance.between(0, 4_000),
        mode: chance.chance(0.6) ? "interrupt" : "cancel",
        resumeAfterMs: chance.between(0, 3_000),
      }
    : undefined;
  return { client, submitAfterMs: n * chance.between(0, 1_000), spec, script, intervention };
}
