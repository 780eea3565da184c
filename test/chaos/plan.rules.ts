/** What a seed decides: which run, what is done to which part of it, and when. */

export type RunKind = "simple" | "two-stage" | "all-fail";

/** Where everything runs: as programs of their own on one host, or as the embedded stack. */
export type WorldKind = "fleet" | "embedded";

/** kill: SIGKILL. freeze: SIGSTOP, and SIGCONT after twice the lease. */
export type Fault = "kill" | "freeze";

export type Target =
  | "cli"
  /** The one that decides. */
  | "coordinator"
  | "every coordinator"
  /** The runner-agent of the attempt at the point, its warden goes on. */
  | "runner-agent"
  | "warden"
  /** Runner-agent, warden and containers at the same moment. */
  | "host"
  | "nats-server"
  /** The agent's own process in its container. */
  | "agent"
  | "container"
  /** The engine's own process that holds a container. */
  | "shim"
  | "supervisor"
  /** Supervisor and nats-server at the same moment. */
  | "stack"
  | "engine";

/** Right after the n-th event of a type. */
export interface Point {
  readonly type: string;
  readonly n: number;
}

export interface Plan {
  readonly seed: number;
  readonly world: WorldKind;
  readonly run: RunKind;
  readonly fault: Fault;
  readonly target: Target;
  readonly point: Point;
  /** After a kill, what was killed is started again so long after. After a freeze, how long it lasts. */
  readonly healAfterMs: number;
}

export const LEASE_MS = 2_000;
/** Nobody sets the embedded stack's. */
const EMBEDDED_LEASE_MS = 5_000;

interface Strike {
  readonly world: WorldKind;
  readonly fault: Fault;
  readonly target: Target;
}

const of = (world: WorldKind, fault: Fault, targets: readonly Target[]): readonly Strike[] =>
  targets.map((target) => ({ world, fault, target }));

const KILLED: readonly Target[] = [
  ...(["coordinator", "runner-agent", "cli", "nats-server", "host", "container", "agent"] as const),
  ...(["every coordinator", "warden", "shim"] as const),
];
const FROZEN: readonly Target[] = [
  ...(["coordinator", "runner-agent", "nats-server", "warden", "cli", "host"] as const),
  ...(["container", "agent"] as const),
];

/** Everything that is done to anything; one after the other by seed, so that forty meet all of it. */
export const STRIKES: readonly Strike[] = [
  ...of("fleet", "kill", KILLED),
  ...of("fleet", "freeze", FROZEN),
  ...of("embedded", "kill", ["supervisor", "stack", "nats-server", "cli"]),
  ...of("embedded", "freeze", ["supervisor"]),
];

/** What only an engine of the chaos run's own can be done to. */
export const ENGINE_STRIKES: readonly Strike[] = [
  ...of("fleet", "kill", ["engine"]),
  ...of("fleet", "freeze", ["engine"]),
];

/** Event types of a run, in the order they first come, with how many there are where nothing fails. */
const attempts = (count: number) =>
  [
    ["attempt.placed", count],
    ["attempt.claimed", count],
    ["entered:fetching", count],
    ["entered:preparing", count],
    ["attempt.started", count],
    ["entered:harvesting", count],
  ] as const;

export const POINTS: Readonly<
  Record<RunKind, readonly (readonly [type: string, count: number])[]>
> = {
  simple: [
    ["run.submitted", 1],
    ["strategy.started", 5],
    ["instance.scheduled", 5],
    ...attempts(5),
    ["entered:uploading", 5],
    ["attempt.succeeded", 5],
    ["instance.succeeded", 5],
    ["branch.imported", 5],
    ["strategy.completed", 5],
    ["run.finalizing", 1],
    ["run.succeeded", 1],
  ],
  "two-stage": [
    ["run.submitted", 1],
    ["strategy.started", 1],
    ["instance.scheduled", 3],
    ...attempts(3),
    ["entered:uploading", 3],
    ["attempt.succeeded", 3],
    ["instance.succeeded", 3],
    ["branch.imported", 3],
    ["strategy.completed", 1],
    ["run.finalizing", 1],
    ["run.succeeded", 1],
  ],
  "all-fail": [
    ["run.submitted", 1],
    ["strategy.started", 1],
    ["instance.scheduled", 3],
    ...attempts(6),
    ["attempt.failed", 6],
    ["instance.backingOff", 3],
    ["instance.queued", 3],
    ["instance.failed", 3],
    ["strategy.completed", 1],
    ["run.finalizing", 1],
    ["run.failed", 1],
  ],
};

/** What somebody has to start again after a kill; the rest comes back by itself, or not at all. */
const BROUGHT_BACK: ReadonlySet<Target> = new Set([
  ...(["coordinator", "every coordinator", "runner-agent", "host", "nats-server"] as const),
  "engine",
]);

function healAfterMs({ world, fault, target }: Strike, random: () => number): number {
  const twiceTheLease = 2 * (world === "embedded" ? EMBEDDED_LEASE_MS : LEASE_MS);
  if (fault === "freeze") return twiceTheLease;
  const later = world === "fleet" && BROUGHT_BACK.has(target) && random() < 0.5;
  return later ? twiceTheLease : 0;
}

/** What is struck inside a container needs one that runs, now or soon. */
const NEEDS_CONTAINER: ReadonlySet<Target> = new Set(["agent", "container", "shim"]);
const IN_CONTAINER = new Set([
  "attempt.placed",
  "attempt.claimed",
  "entered:preparing",
  "attempt.started",
]);

export interface Only {
  readonly engine?: boolean;
}

/** The same seed gives the same plan. */
export function planOf(seed: number, { engine = false }: Only = {}): Plan {
  const random = randomOf(seed);
  const strikes = engine ? ENGINE_STRIKES : STRIKES;
  const strike = strikes[seed % strikes.length] ?? STRIKES[0];
  if (strike === undefined) throw new Error("there is nothing to strike");
  const run = strike.world === "embedded" ? "simple" : pick(random, RUNS);
  const types = POINTS[run].filter(
    ([type]) => !NEEDS_CONTAINER.has(strike.target) || IN_CONTAINER.has(type),
  );
  const [type, count] = pick(random, types);
  return {
    seed,
    ...strike,
    run,
    point: { type, n: 1 + Math.floor(random() * count) },
    healAfterMs: healAfterMs(strike, random),
  };
}

const RUNS: readonly RunKind[] = ["simple", "two-stage", "all-fail"];

function pick<T>(random: () => number, from: readonly T[]): T {
  const picked = from[Math.floor(random() * from.length)];
  if (picked === undefined) throw new Error("there is nothing to pick from");
  return picked;
}

/** mulberry32: numbers from 0 up to 1, the same ones for the same seed. */
function randomOf(seed: number): () => number {
  let state = Math.imul(seed, 0x9e3779b1) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** `kill -9 coordinator after attempt.started 3` */
export const strikeText = ({ fault, target, point, healAfterMs }: Plan): string =>
  `${fault === "kill" ? "kill -9" : "freeze"} ${target} after ${point.type} ${point.n}` +
  (fault === "kill" && healAfterMs > 0 ? `, back after ${healAfterMs} ms` : "");
