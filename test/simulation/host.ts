import type { Clock } from "@pitaya/actors";
import type { Bus } from "@pitaya/bus";
import type { MemoryBroker } from "@pitaya/bus/testing";
import { type Network, network, type Weather } from "./network.ts";
import { type Random, random } from "./random.ts";
import { type Switchboard, simulatedBus } from "./simulated-bus.ts";
import { clockOf, type Life, newLife, type World } from "./world.ts";

/** What one incarnation of a process has of the world. */
export interface Surroundings {
  readonly life: Life;
  readonly net: Network;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly random: Random;
  /** How it is asked to end; nothing before its code says so. */
  onStop: () => Promise<void>;
}

/** A process that can be killed, frozen and cut off, and that is started again. */
export interface Host {
  readonly name: string;
  readonly life: Life;
  /** It ends at once; nothing of it happens any more. */
  crash(): void;
  /** After a crash. */
  restart(): void;
  /** Asked to end, it ends in its own time, and is started again after so long. */
  stop(restartMs: number): void;
  freeze(): void;
  thaw(): void;
  /** It stands still and is thought dead: another is started in its place. @returns what lets it go on */
  double(): () => void;
  cut(): void;
  mend(): void;
}

export interface Ground {
  readonly world: World;
  readonly broker: MemoryBroker;
  readonly board: Switchboard;
  readonly seed: number;
  readonly weather: Weather;
}

const RESTART_MS = 500;

/** @param main starts its code. When that ends or fails, the process has ended, and is started again */
export function host(
  ground: Ground,
  name: string,
  skewMs: number,
  main: (surroundings: Surroundings) => Promise<"over" | "again">,
): Host {
  const { world, broker, board, seed } = ground;
  let incarnations = 0;
  let life: Life = newLife(name);
  let onStop = async () => {};
  let isCut = false;
  /** Those that were thought dead, too. */
  const lives = new Set<Life>();

  function end(ended: Life): void {
    ended.alive = false;
    lives.delete(ended);
    for (const gone of ended.onDeath.splice(0)) gone();
  }

  function begin(): void {
    incarnations += 1;
    const mine = newLife(name);
    mine.cut = isCut;
    life = mine;
    lives.add(mine);
    const chance = random(seed, `${name}.${incarnations}`);
    const net = network(world, mine, ground.weather, chance);
    const surroundings: Surroundings = {
      life: mine,
      net,
      bus: simulatedBus(net, broker, board),
      clock: clockOf(world, mine, skewMs),
      random: chance,
      onStop: async () => {},
    };
    onStop = () => surroundings.onStop();
    const over = (what: string) => {
      if (!mine.alive) return;
      world.note(`${name} ${what}`);
      end(mine);
      world.after(RESTART_MS, `${name} starts again`, () => mine === life && begin());
    };
    main(surroundings).then(
      (result) => {
        if (result === "again") over("ended");
      },
      (error: unknown) => over(`failed: ${error instanceof Error ? error.stack : String(error)}`),
    );
  }

  const connect = (cut: boolean) => {
    isCut = cut;
    for (const each of lives) {
      each.cut = cut;
      for (const told of [...each.onConnection]) told();
    }
  };

  begin();
  return {
    name,
    get life() {
      return life;
    },
    crash() {
      for (const each of [...lives]) end(each);
    },
    stop(restartMs) {
      const mine = life;
      const gone = () => {
        if (!mine.alive) return;
        end(mine);
        world.after(restartMs, `${name} starts again`, () => {
          if (mine === life) begin();
        });
      };
      onStop().then(gone, gone);
    },
    double() {
      const old = life;
      old.frozen = true;
      begin();
      return () => {
        if (old.alive) world.thaw(old);
      };
    },
    restart() {
      if (!life.alive) begin();
    },
    freeze() {
      life.frozen = true;
    },
    thaw() {
      if (life.frozen) world.thaw(life);
    },
    cut: () => connect(true),
    mend: () => connect(false),
  };
}
