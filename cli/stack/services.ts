import { type Bus, natsBus } from "@pitaya/bus";
import { start as startCoordinator } from "@pitaya/coordinator";
import { start as startRunner } from "@pitaya/runner-agent";
import type { ServiceContext, StackServices, StackUser } from "./services.port.ts";

type Coordinator = Awaited<ReturnType<typeof startCoordinator>>;
type Runner = Awaited<ReturnType<typeof startRunner>>;

/** Coordinator and runner-agent in this process, each on a connection and with a credential of its own. */
export const services: StackServices = {
  async start(context, progress) {
    progress("starting coordinator and runner");
    const listeners = new Set<() => void>();
    const changed = () => {
      for (const listener of listeners) listener();
    };
    const [coordinator, runner] = await Promise.allSettled([
      openCoordinator(context, changed),
      openRunner(context),
    ]);
    if (coordinator.status === "rejected" || runner.status === "rejected") {
      if (runner.status === "fulfilled") await runner.value.close("leave");
      if (coordinator.status === "fulfilled") await coordinator.value.close();
      throw coordinator.status === "rejected"
        ? coordinator.reason
        : (runner as PromiseRejectedResult).reason;
    }
    const { decider, close: closeCoordinator } = coordinator.value;
    const { agent, close: closeRunner } = runner.value;
    return {
      liveRuns: () => decider.liveRuns,
      onLiveRuns: (listener) => void listeners.add(listener),
      interruptAll: (reason) => decider.interruptAll(reason),
      setLeastSlots: (count) => agent.setLeastSlots(count),
      onFailure(failed) {
        void agent.superseded.then(() => failed(new Error("another runner-agent took over")));
        void decider.superseded.then(() => failed(new Error("another coordinator took over")));
      },
      async stop(containers) {
        // While the coordinator still decides, so that what the runner reports is folded.
        await closeRunner(containers === "end" ? "kill" : "leave");
        await closeCoordinator();
      },
    };
  },
};

async function openCoordinator(
  context: ServiceContext,
  onLiveRuns: () => void,
): Promise<{ readonly decider: Coordinator; close(): Promise<void> }> {
  const user = context.users.coordinator;
  const [decider, bus] = await onOwnBus(context, user, async (own) => {
    const started = startCoordinator({
      bus: own,
      id: user.id,
      version: context.version,
      log: context.log.child({ service: "coordinator" }),
      // The supervisor's lock proves that the one before is dead.
      takeOver: true,
      allowCustomCode: !/^(false|0|no|off)$/i.test(
        process.env["PITAYA_COORDINATOR__ALLOW_CUSTOM_CODE"] ?? "",
      ),
      isStoreFull: context.isStoreFull,
      onLiveRuns,
    });
    await started.deciding;
    return started;
  });
  const close = async () => {
    await decider.stop();
    await bus.close();
  };
  return { decider, close };
}

async function openRunner(
  context: ServiceContext,
): Promise<{ readonly agent: Runner; close(mode: "kill" | "leave"): Promise<void> }> {
  const user = context.users.runner;
  const { DOCKER_HOST: engine, PITAYA_RUNNER__HELPER_IMAGE: helperImage } = process.env;
  const [agent, bus] = await onOwnBus(context, user, (own) =>
    startRunner({
      bus: own,
      servers: [context.url],
      runner: user.id,
      version: context.version,
      stateDir: context.runnerDirectory,
      log: context.log.child({ service: "runner-agent" }),
      // Whoever types the address of a model server on this machine is its operator.
      hostEndpoints: "as-tasks-ask",
      ...(engine ? { engine } : {}),
      ...(helperImage ? { helperImage } : {}),
    }),
  );
  const close = async (mode: "kill" | "leave") => {
    await agent.stop(mode);
    await bus.close();
  };
  return { agent, close };
}

async function onOwnBus<T>(
  { url, log }: ServiceContext,
  user: StackUser,
  start: (bus: Bus) => Promise<T>,
): Promise<readonly [T, Bus]> {
  const bus = await natsBus({
    servers: url,
    name: user.id,
    user,
    log: (level, message, fields) => log[level](fields, message),
  });
  try {
    return [await start(bus), bus];
  } catch (error) {
    await bus.close();
    throw error;
  }
}
