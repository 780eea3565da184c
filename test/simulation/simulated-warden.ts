import { buckets } from "@pitaya/protocol";
import {
  type FakeExecutor,
  type LaunchWarden,
  runnerLease,
  warden,
  wardenProgram,
} from "@pitaya/runner-agent/testing";
import type { Ground, Surroundings } from "./host.ts";
import { network } from "./network.ts";
import { random } from "./random.ts";
import { simulatedBus } from "./simulated-bus.ts";
import { simulatedEngine } from "./simulated-engine.ts";
import { clockOf, type Life, newLife } from "./world.ts";

/** The wardens of a runner's machine: one for each incarnation of its runner-agent, and those after it. */
export interface Wardens {
  readonly name: string;
  /** What a runner-agent starts its wardens by. */
  launchedBy(agent: Surroundings, engine: FakeExecutor): LaunchWarden;
  /** One of them is there and does not stand still. */
  readonly isAtWork: boolean;
  crash(): void;
  freeze(): void;
  thaw(): void;
  cut(): void;
  mend(): void;
}

/** From process to process on one machine. The same for all, so that the order is kept. */
const CHANNEL_MS = 0.2;

export function wardens(ground: Ground, runner: string, leaseMs: number, skewMs: number): Wardens {
  const { world, broker, board, seed, weather } = ground;
  const lives = new Set<Life>();
  const name = `${runner}-warden`;
  let generations = 0;
  let isCut = false;

  function end(life: Life): void {
    if (!life.alive) return;
    life.alive = false;
    lives.delete(life);
    for (const gone of life.onDeath.splice(0)) gone();
  }

  const connect = (cut: boolean) => {
    isCut = cut;
    for (const each of lives) {
      each.cut = cut;
      for (const told of [...each.onConnection]) told();
    }
  };

  return {
    name,
    launchedBy: (agent, ownEngine) => (listener) => {
      generations += 1;
      const life = newLife(`${name}-${generations}`);
      life.cut = isCut;
      lives.add(life);
      const chance = random(seed, life.name);
      const net = network(world, life, weather, chance);
      const bus = simulatedBus(net, broker, board);
      const engine = simulatedEngine(net, ownEngine);
      const program = wardenProgram({
        async open({ takeOver }) {
          const lease = runnerLease(bus.bucket(buckets.runners), runner, leaseMs, { takeOver });
          const watch = warden({
            lease,
            leaseMs,
            isSuccessor: !takeOver,
            containers: {
              async standStill() {
                const found = await engine.list();
                const named = (state: string) =>
                  found.filter((each) => each.state === state).map((each) => each.name);
                const stopped = named("running");
                await Promise.all(stopped.map(engine.pause));
                return { standing: [...named("paused"), ...stopped], stopped };
              },
            },
            clock: clockOf(world, life, skewMs),
            report,
          });
          return { watch, close: async () => {} };
        },
        report,
        leave: () => end(life),
        fail: () => end(life),
      });
      function report(message: Parameters<typeof listener.hear>[0]): void {
        const hear = () => listener.hear(message);
        world.after(CHANNEL_MS, `${life.name} says ${message.type}`, hear, agent.life);
      }
      const receive = (what: string, deed: () => void) =>
        world.after(CHANNEL_MS, `${agent.life.name} ${what}`, deed, life);
      agent.life.onDeath.push(() => receive("is gone", program.orphaned));
      life.onDeath.push(() => {
        const gone = () => listener.gone({ code: null, signal: "SIGKILL" });
        world.after(CHANNEL_MS, `${life.name} is gone`, gone, agent.life);
      });
      return {
        tell: (message) => void receive(`says ${message.type}`, () => program.receive(message)),
        kill: () => end(life),
        get isGone() {
          return !life.alive;
        },
      };
    },
    get isAtWork() {
      return [...lives].some(({ frozen }) => !frozen);
    },
    crash() {
      for (const each of [...lives]) end(each);
    },
    freeze() {
      for (const each of lives) each.frozen = true;
    },
    thaw() {
      for (const each of lives) if (each.frozen) world.thaw(each);
    },
    cut: () => connect(true),
    mend: () => connect(false),
  };
}
