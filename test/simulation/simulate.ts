import type { Clock } from "@pitaya/actors";
import { type MemoryBroker, memoryBroker } from "@pitaya/bus/testing";
import {
  builtInStrategies,
  checkStrategy,
  type StrategyCode,
  start,
} from "@pitaya/coordinator/testing";
import { buckets } from "@pitaya/protocol";
import type { Redactor } from "@pitaya/redaction";
import {
  closedGateway,
  fakeExecutor,
  type LaunchWarden,
  linePlugin,
  livenessByWarden,
  livenessInProcess,
  memoryDisk,
  runnerLease,
  scriptedGit,
  startRunner,
} from "@pitaya/runner-agent/testing";
import { isFinalPhase } from "@pitaya/views";
import pino from "pino";
import { agentPlayer } from "./agents.ts";
import { client, freshIntentions } from "./client.ts";
import { type ExecutionWatch, executionWatch } from "./execution-watch.ts";
import { type Ground, type Host, host, type Surroundings } from "./host.ts";
import { inWords, observer } from "./observer.ts";
import { type Fault, faultFree, type Plan, planOf, START_MS } from "./plan.ts";
import { random } from "./random.ts";
import { scriptedKeys } from "./scripted-keys.ts";
import { switchboard } from "./simulated-bus.ts";
import { simulatedEngine } from "./simulated-engine.ts";
import { type Wardens, wardens as wardensOf } from "./simulated-warden.ts";
import { testStrategies } from "./strategies.ts";
import { clockOf, world as newWorld, type World } from "./world.ts";

export interface Result {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly steps: number;
  /** How long it took on the virtual clock. */
  readonly virtualMs: number;
}

const LEASE_MS = 5_000;
const CREDENTIALS_WAIT_MS = 60_000;
/** After this the run is not late but stuck. */
const LIMIT_MS = 3 * 3_600_000;
const LIMIT_STEPS = 20_000;
/** From the end of all runs until nothing of them may be left anywhere. */
const TIDY_MS = 180_000;

const silent = pino({ level: "silent" });

/** Plays a seed to its end. */
export async function simulate(
  seed: number,
  options: { readonly trace?: (line: string) => void; readonly plan?: Plan } = {},
): Promise<Result> {
  const plan = options.plan ?? planOf(seed);
  const world = newWorld(START_MS, options.trace);
  const stage = setStage(plan, world, options.trace);
  const { watch } = stage;
  const faults = [...plan.faults];
  const violations: string[] = [];
  let tidyBy: number | undefined;

  for (;;) {
    while (faults[0] && world.steps >= faults[0].atStep) {
      const next = faults.shift();
      if (next) stage.strike(next.fault);
    }
    if (!(await world.step())) {
      violations.push("nothing happens any more");
      break;
    }
    stage.lookAtWardens();
    if (watch.violations.length > 0) break;
    if (world.steps % 16 !== 0) continue;
    const waiting = plan.runs.filter(({ spec, client: name }) => !isOver(stage, spec.run, name));
    if (waiting.length === 0) {
      if (tidyBy === undefined) {
        tidyBy = world.now() + TIDY_MS;
        stage.startAnew();
      }
      const left = await stage.left();
      if (left === undefined) break;
      if (world.now() > tidyBy) {
        violations.push(`left behind: ${left}`);
        break;
      }
    } else {
      tidyBy = undefined;
    }
    if (world.now() - START_MS > LIMIT_MS || world.steps > LIMIT_STEPS) {
      const runs = waiting.map(({ spec }) => `${spec.run} is ${describe(stage, spec.run)}`);
      violations.push(`not over after all this time: ${runs.join("; ")}`);
      break;
    }
  }
  watch.conclude();
  violations.push(...watch.violations);
  if (violations.length === 0) {
    violations.push(...wrongOutcomes(plan, stage), ...brokenPromises(plan, stage));
  }
  stage.end();
  return { seed, violations, steps: world.steps, virtualMs: world.now() - START_MS };
}

type Stage = ReturnType<typeof setStage>;

function setStage(plan: Plan, world: World, trace: ((line: string) => void) | undefined) {
  const { seed } = plan;
  const serverClock = clockOf(world, undefined);
  const broker = memoryBroker({ clock: { now: serverClock.now, after: serverClock.setTimer } });
  const ground: Ground = { world, broker, board: switchboard(), seed, weather: plan.weather };
  const chance = random(seed, "stage");
  const skew = () => Math.round(chance.between(-plan.skewMs, plan.skewMs));
  const slots = new Map(plan.runners.map(({ name, slots: count }) => [name, count]));
  const watch = observer((runner) => slots.get(runner) ?? 0);
  const watching = observe(broker, (message) => {
    if (trace !== undefined) world.note(`  log ${message.sequence}: ${inWords(message)}`);
    watch.take(message);
  });
  const hosts = new Map<string, Host>();
  const killed = new Set<string>();
  const doubled = new Set<string>();
  const machines = new Map<string, ReturnType<typeof machine>>();
  const wardens = new Map<string, Wardens>();
  const unattended = new Map<string, number>();
  const executions = executionWatch(
    () =>
      plan.runners.map(({ name: runner }) => ({
        runner,
        engine: machineOf(runner).engine,
        agent: of(runner).life,
        isWatched: plan.wardens !== undefined,
        unattendedAtMs: unattended.get(runner) ?? 0,
      })),
    world.now,
    watch.fail,
    (what) => world.note(`  ${what}`),
  );
  const logs = trace === undefined ? silent : tracing(world);

  for (const name of plan.coordinators) {
    hosts.set(
      name,
      host(ground, name, skew(), (around) => coordinatorMain(around, plan, logs)),
    );
  }
  for (const { name, slots: count } of plan.runners) {
    const own = machine(serverClock);
    machines.set(name, own);
    const skewMs = skew();
    const beside = plan.wardens && wardensOf(ground, name, LEASE_MS, skewMs);
    if (beside) wardens.set(name, beside);
    const runner = { own, slots: count, wardens: beside, executions, plan };
    hosts.set(
      name,
      host(ground, name, skewMs, (around) => runnerMain(around, runner, logs)),
    );
  }
  for (const run of plan.runs) {
    const intentions = freshIntentions();
    hosts.set(
      run.client,
      host(ground, run.client, skew(), (around) => client(around, run, intentions)),
    );
  }

  const of = (name: string): Host => {
    const found = hosts.get(name);
    if (found === undefined) throw new Error(`there is no ${name}`);
    return found;
  };
  const machineOf = (name: string) => {
    const found = machines.get(name);
    if (found === undefined) throw new Error(`there is no machine of ${name}`);
    return found;
  };
  /** A process, or a runner's process with its warden. */
  const withWarden = (name: string): readonly Pick<Host, "cut" | "mend">[] => {
    const beside = wardens.get(name);
    return beside === undefined ? [of(name)] : [of(name), beside];
  };
  const restart = (name: string) => {
    if (!killed.has(name)) of(name).restart();
  };

  return {
    watch,
    /** Keeps in mind when nobody could look after a runner's containers. */
    lookAtWardens() {
      for (const [name, beside] of wardens) {
        const { life } = of(name);
        if ((!life.alive || life.frozen) && !beside.isAtWork) unattended.set(name, world.now());
      }
    },
    killed,
    end() {
      watching.abort();
      for (const each of [...hosts.values(), ...wardens.values()]) each.crash();
    },
    /** What is there that nothing needs any more. */
    async left(): Promise<string | undefined> {
      for (const [name, own] of machines) {
        const [attempt] = own.disk.attempts();
        if (attempt) return `directory of ${attempt.instanceId}.${attempt.attempt} on ${name}`;
        if ((await own.engine.list()).length > 0) return `container on ${name}`;
      }
      return undefined;
    },
    /** What one that was thought dead left while another worked in its place, the next start finds. */
    startAnew() {
      for (const name of doubled) {
        of(name).crash();
        of(name).restart();
      }
    },
    strike(fault: Fault) {
      world.note(`*** ${JSON.stringify(fault)}`);
      if (fault.kind === "outage") {
        const all = [...hosts.keys()].flatMap(withWarden);
        for (const each of all) each.cut();
        world.after(fault.forMs, "the bus is back", () => {
          for (const each of all) each.mend();
        });
        return;
      }
      const target = of(fault.host);
      const later = (what: string, deed: () => void) =>
        void world.after(fault.forMs, `${fault.host} ${what}`, deed);
      switch (fault.kind) {
        case "stop":
          return target.stop(fault.forMs);
        case "double":
          doubled.add(fault.host);
          return later("of before goes on", target.double());
        case "container":
          return void machines.get(fault.host)?.loseOne();
        case "freeze":
          target.freeze();
          return later("goes on", target.thaw);
        case "cut":
          for (const each of withWarden(fault.host)) each.cut();
          return later("is connected again", () => {
            for (const each of withWarden(fault.host)) each.mend();
          });
        case "kill":
          killed.add(fault.host);
          return target.crash();
        case "power":
          machines.get(fault.host)?.fail();
          wardens.get(fault.host)?.crash();
          target.crash();
          return later("is started again", target.restart);
        case "crash":
          target.crash();
          return later("is started again", () => restart(fault.host));
        case "warden":
        case "both": {
          const beside = wardens.get(fault.host);
          if (beside === undefined) return;
          const struck = fault.kind === "both" ? [beside, target] : [beside];
          for (const each of struck) each[fault.what]();
          return later("and its warden are well again", () => {
            if (fault.what === "freeze") for (const each of struck) each.thaw();
            if (fault.what === "cut") for (const each of struck) each.mend();
            // A warden that was killed is started again by its runner-agent.
            if (fault.what === "crash" && fault.kind === "both") restart(fault.host);
          });
        }
        default:
          return fault satisfies never;
      }
    },
  };
}

/** Hands over every message of the log as it is stored. */
function observe(
  broker: MemoryBroker,
  take: (message: Parameters<ReturnType<typeof observer>["take"]>[0]) => void,
): AbortController {
  const over = new AbortController();
  const { events } = broker.connect("observer");
  const follow = async () => {
    for await (const item of events.follow(["pitaya.v1.evt.>"], { signal: over.signal })) {
      if (!("caughtUp" in item)) take(item);
    }
  };
  void follow();
  return over;
}

async function coordinatorMain(
  around: Surroundings,
  plan: Plan,
  log: pino.Logger,
): Promise<"over" | "again"> {
  const { life, bus, clock, random: chance, net } = around;
  const { world } = net;
  const code = builtInStrategies(() => undefined, testStrategies);
  // Strategies run until a macrotask says that they are at rest.
  const strategies: StrategyCode = {
    ...code,
    async start(...args) {
      const run = await world.resting(code.start(...args));
      const { deliver } = run;
      run.deliver = (...told) => world.resting(deliver(...told));
      return run;
    },
  };
  const started = start({
    bus,
    id: life.name,
    version: "0.0.0",
    log: log.child({ of: life.name }),
    strategies,
    check: (spec) => checkStrategy(spec, testStrategies),
    clock,
    keys: scriptedKeys(chance),
    random: chance.next,
    leaseMs: LEASE_MS,
    runnerLeaseMs: LEASE_MS,
    claimTimeoutMs: 20_000,
    cancelGraceMs: 30_000,
    credentialsWaitMs: CREDENTIALS_WAIT_MS,
    checkpointEvery: plan.checkpointEvery,
  });
  around.onStop = () => started.stop();
  const noted = started.deciding.then(() => net.world.note(`${life.name} decides`));
  // It rejects where it is stopped before.
  noted.catch(() => undefined);
  await started.superseded;
  return "again";
}

/** A runner's machine: what outlives its process. */
function machine(clock: Clock) {
  const disk = memoryDisk();
  const make = () => fakeExecutor({ script: agentPlayer(clock), clock, files: disk.files });
  let engine = make();
  return {
    disk,
    get engine() {
      return engine;
    },
    async loseOne() {
      const [first] = await engine.list();
      if (first) await engine.remove(first.name);
    },
    fail() {
      disk.wipe();
      engine = make();
    },
  };
}

interface RunnerOfStage {
  readonly own: ReturnType<typeof machine>;
  readonly slots: number;
  readonly wardens: Wardens | undefined;
  readonly executions: ExecutionWatch;
  readonly plan: Plan;
}

async function runnerMain(
  around: Surroundings,
  { own, slots, wardens, executions, plan }: RunnerOfStage,
  log: pino.Logger,
): Promise<"over" | "again"> {
  const { life, bus, clock, random: chance, net } = around;
  const runner = life.name;
  const launch: LaunchWarden | undefined = wardens?.launchedBy(around, own.engine);
  const settle = () => net.local("written to disk", async () => undefined);
  const started = await startRunner(
    {
      bus,
      gateway: closedGateway(),
      executor: simulatedEngine(net, own.engine, plan.wardens && executions.began),
      disk: own.disk.mount(settle),
      git: scriptedGit(own.disk.files),
      clock,
      log: log.child({ of: runner }),
      incarnation: chance.hex(8),
      sealer: scriptedKeys(chance),
      findPlugin: (name) => (name === "line" ? linePlugin : undefined),
      redactorOf,
      ownHosts: () => new Set(),
      liveness: (told) => {
        if (launch === undefined) {
          return livenessInProcess(
            runnerLease(bus.bucket(buckets.runners), runner, LEASE_MS),
            told,
          );
        }
        const onPaused: typeof told.onPaused = (names, overranMs) => {
          executions.paused(life, names, overranMs);
          told.onPaused(names, overranMs);
        };
        return livenessByWarden(
          { launch, connection: { servers: [], runner } },
          { ...told, onPaused },
        );
      },
    },
    {
      runner,
      version: "0.0.0",
      pool: "default",
      labels: {},
      slots,
      leaseMs: LEASE_MS,
      hostEndpoints: [],
      limits: {
        finalGraceMs: 10_000,
        killGraceMs: 5_000,
        harvestTimeoutMs: 30_000,
        collectTimeoutMs: 60_000,
        goneTimeoutMs: 30_000,
        pauseMaxMs: plan.wardens?.pauseMaxMs ?? 600_000,
      },
      stopPatienceMs: 5_000,
    },
  );
  around.onStop = () => started.stop(chance.chance(0.5) ? "leave" : "kill");
  await started.superseded;
  return "again";
}

/** Nothing here is a secret, and to look for one in every byte takes its time. */
const redactorOf = (): Redactor => ({
  text: (text) => text,
  json: (value) => value,
  stream() {
    let consumed = 0;
    return {
      heldBytes: 0,
      push(bytes) {
        consumed += bytes.byteLength;
        return { bytes, consumed };
      },
      end: () => ({ bytes: new Uint8Array(), consumed }),
    };
  },
  containsSecret: () => false,
  containsHalf: () => false,
  secretDetector: () => ({ push: () => false }),
});

/** What processes log, as lines of the trace. */
const tracing = (world: World) =>
  pino(
    { level: "debug", base: null, timestamp: false },
    {
      write(line: string) {
        world.note(`  says ${line.trim().slice(0, 400)}`);
      },
    },
  );

const describe = ({ watch }: Stage, run: string): string => {
  const view = watch.run(run)?.view;
  if (view === undefined) return "unknown";
  const rows = [...view.instances.values()].map(
    ({ instance, state }) => `${instance.slice(0, 4)} ${state}`,
  );
  return `${view.phase} (${rows.join(", ")})`;
};

function isOver(stage: Stage, run: string, clientName: string): boolean {
  const view = stage.watch.run(run)?.view;
  const isKilled = stage.killed.has(clientName);
  if (view === undefined || view.spec === undefined) return isKilled;
  if (isFinalPhase(view.phase)) return true;
  // Nobody is left who would go on with it.
  return isKilled && view.phase === "interrupted";
}

/** What is promised of faults of one kind alone. */
function brokenPromises(plan: Plan, stage: Stage): string[] {
  const { lost, unanswered, slow } = plan.weather;
  const isOnlyOutage =
    plan.faults.every(({ fault }) => fault.kind === "outage") && lost + unanswered + slow === 0;
  return plan.runs.flatMap(({ spec, client: name }) => {
    const run = stage.watch.run(spec.run);
    const broken: string[] = [];
    if (run && run.lost > 0 && isOnlyOutage) {
      broken.push(`${spec.run}: an outage of the bus alone lost ${run.lost} attempts`);
    }
    const awayMs = plan.faults
      .filter(({ fault }) => fault.kind === "outage" || fault.host === name)
      .reduce((sum, { fault }) => sum + fault.forMs, 0);
    const isThere = !stage.killed.has(name) && awayMs < CREDENTIALS_WAIT_MS / 2;
    if (run?.isGivenUp && isThere && lost + unanswered + slow === 0) {
      broken.push(`${spec.run}: given up for want of credentials, with ${name} attached`);
    }
    return broken;
  });
}

function wrongOutcomes(plan: Plan, stage: Stage): string[] {
  return plan.runs.flatMap((run) => {
    const { spec, intervention, client: name } = run;
    const view = stage.watch.run(spec.run)?.view;
    const isKilled = stage.killed.has(name);
    if (view?.spec === undefined) return isKilled ? [] : [`${spec.run} was never submitted`];
    const expected = faultFree(run);
    if (view.phase === "interrupted") return [];
    if (view.phase === "cancelled") {
      return intervention?.mode === "cancel" ? [] : [`${spec.run} was cancelled by nobody`];
    }
    const wrong: string[] = [];
    if (view.phase !== expected.status) {
      wrong.push(`${spec.run} ${view.phase}, without faults ${expected.status}`);
    }
    for (const [instance, status] of expected.keys) {
      const state = view.instances.get(instance)?.state ?? "not there";
      const isRight =
        status === "ended"
          ? ["succeeded", "failed", "cancelled"].includes(state)
          : state === status;
      if (!isRight) wrong.push(`${instance} of ${spec.run}: ${state}, without faults ${status}`);
    }
    if (view.instances.size !== expected.keys.size) {
      wrong.push(
        `${spec.run} has ${view.instances.size} instances, without faults ${expected.keys.size}`,
      );
    }
    return wrong;
  });
}
