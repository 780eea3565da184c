import { natsBus } from "@pitaya/bus";
import { start as startCoordinator } from "@pitaya/coordinator";
import { start as startRunner } from "@pitaya/runner-agent";
import type { StackServices } from "./services.port.ts";

/** Coordinator and runner-agent in this process, each on a connection and with a credential of its own. */
export const services: StackServices = {
  async start({ url, users, version, runnerDirectory, log }, progress) {
    const ending: (() => Promise<unknown>)[] = [];
    const undo = async () => {
      for (const end of ending.reverse()) await end();
    };
    const connect = async (user: { readonly id: string; readonly seed: string }) => {
      const bus = await natsBus({
        servers: url,
        name: user.id,
        user,
        log: (level, message, fields) => log[level](fields, message),
      });
      ending.push(() => bus.close());
      return bus;
    };
    const listeners: (() => void)[] = [];
    try {
      progress("starting the coordinator");
      const coordinator = await startCoordinator({
        bus: await connect(users.coordinator),
        id: users.coordinator.id,
        version,
        log: log.child({ service: "coordinator" }),
        // The supervisor's lock proves that the one before is dead.
        takeOver: true,
        onLiveRuns: () => {
          for (const changed of listeners) changed();
        },
      });
      ending.push(() => coordinator.stop());

      progress("starting the runner");
      const engine = process.env["DOCKER_HOST"];
      const runner = await startRunner({
        bus: await connect(users.runner),
        servers: [url],
        runner: users.runner.id,
        version,
        stateDir: runnerDirectory,
        log: log.child({ service: "runner-agent" }),
        // Whoever types the address of a model server on this machine is its operator.
        hostEndpoints: "as-tasks-ask",
        ...(engine === undefined || engine === "" ? {} : { engine }),
      });
      return {
        liveRuns: () => coordinator.liveRuns,
        onLiveRuns: (changed) => void listeners.push(changed),
        interruptAll: (reason) => coordinator.interruptAll(reason),
        setLeastSlots: (count) => runner.setLeastSlots(count),
        onFailure: (failed) => {
          void runner.superseded.then(() => failed(new Error("another runner-agent took over")));
        },
        async stop(containers) {
          await runner.stop(containers === "end" ? "kill" : "leave");
          await undo();
        },
      };
    } catch (error) {
      await undo();
      throw error;
    }
  },
};
