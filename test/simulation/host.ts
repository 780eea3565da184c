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
}

/** A process that can be killed, frozen and cut off, and that is started again. */
export interface Host {
  readonly name: string;
  readonly life: Life;
  /** It ends at once; nothing of it happens any more. */
  crash(): void;
  /** After a crash. */
  restart(): void;
  freeze(): void;
  thaw(): void;
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
  let isCut = false;

  function end(): void {
    life.alive = false;
    for (const gone of life.onDeath.splice(0)) gone();
  }

  function begin(): void {
    incarnations += 1;
    const mine = newLife(name);
    mine.cut = isCut;
    life = mine;
    const chance = random(seed, `${name}.${incarnations}`);
    const net = network(world, mine, ground.weather, chance);
    const surroundings = {
      life: mine,
      net,
      bus: simulatedBus(net, broker, board),
      clock: clockOf(world, mine, skewMs),
      random: chance,
    };
    const over = (what: string) => {
      if (!mine.alive) return;
      world.note(`${name} ${what}`);
      end();
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
    life.cut = cut;
    for (const told of [...life.onConnection]) told();
  };

  begin();
  return {
    name,
    get life() {
      return life;
    },
    crash() {
      if (life.alive) end();
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
