import type { Duplex } from "node:stream";
import { PitayaError } from "@pitaya/protocol";
import type { AttemptName, AttemptSpec, Executor, LiveAttempt } from "../../ports/executor.port.ts";
import { attached } from "./attached.ts";
import { checkoutJob, checkoutKey } from "./checkouts.ts";
import { connectEngine, onEngine, unlessGone } from "./engine.ts";
import { watchExecution } from "./execution.ts";
import { fillIn, needsFilling } from "./fill-in.ts";
import { finished } from "./finished.ts";
import { type Ground, prepareGround } from "./ground.ts";
import { collectHarvest, SMALL_BYTES } from "./harvest.ts";
import { helpers } from "./helper-container.ts";
import { imageCheck } from "./image-check.ts";
import { leftFiles } from "./left-files.ts";
import { attemptOf, LABEL, naming } from "./names.ts";
import type { Endpoint } from "./network.rules.ts";
import { packJob } from "./packs.ts";
import { setPaused } from "./pausing.ts";
import { leftoverReaper } from "./reaper.ts";
import { findScriptsDir, readScripts } from "./scripts.ts";
import { harvestAgain } from "./second-harvest.ts";
import { secretLines } from "./secret-lines.rules.ts";
import { sessionFiles } from "./session-files.ts";
import { takeSnapshot } from "./snapshot.ts";
import { makeWorkspace } from "./workspace.ts";

export interface DockerExecutorOptions {
  readonly runnerId: string;
  /** `unix:///path`, `tcp://host:port`; as the docker command decides without it. */
  readonly engine?: string;
  /** Has sh, coreutils, findutils, git and iptables. */
  readonly helperImage: string;
  /** Where the bus listens: no agent reaches these, and their ports are never opened. */
  readonly bus: readonly Endpoint[];
  /** Take online attempts where the packet rules cannot be set. The operator's risk. */
  readonly allowOnlineWithoutRules?: boolean;
  /** How long packet rules are taken to stand since they were last set. 5,000 by default. */
  readonly rulesTrustMs?: number;
  /** `copy`: a copy of its checkout for each workspace, though the engine could mount overlays. */
  readonly workspaces?: "auto" | "copy";
  /** The folder of the wrapper's scripts, where it is not found above this module. */
  readonly scriptsDir?: string;
  /** How long after its live stream ended a container may take to end. 2,000 by default. */
  readonly settleMs?: number;
}

/** {@link Executor} on a Docker engine, or Podman's service of the same interface. */
export async function dockerExecutor(options: DockerExecutorOptions): Promise<Executor> {
  const engine = connectEngine(options.engine);
  const names = naming(options.runnerId);
  const scripts = await readScripts(options.scriptsDir ?? findScriptsDir());
  const helping = helpers(engine);
  const checkImage = imageCheck(engine, names, helping, scripts.helper["check-image"]);
  let ground: Ground | undefined;

  const opened = (): Ground => {
    if (ground === undefined) throw new PitayaError("internal", "The executor is not open.");
    return ground;
  };
  const containerOf = (name: AttemptName) => engine.getContainer(names.container(name));
  const left = leftFiles(async (name: AttemptName) => {
    const steward = await opened().stewards.get();
    return steward.collect(names.volumes(name), SMALL_BYTES);
  }, names.container);
  const reaper = leftoverReaper(engine, names);
  const findLeftovers = async (keep: readonly AttemptName[]) => {
    const on = opened();
    const { containerId } = await on.stewards.get();
    const steward = await engine.getContainer(containerId).inspect();
    const ours = new Set([
      steward.Name.replace(/^\//, ""),
      on.wrapperVolume,
      names.network,
      names.gateway.container,
      names.gateway.network,
    ]);
    return reaper.find(
      keep,
      (name) => ours.has(name) || helping.isRunning(name) || on.stored.isWanted(name),
    );
  };
  const settleMs = options.settleMs ?? 2_000;

  const removeAttempt = async (name: AttemptName) => {
    left.forget(name);
    await Promise.all(
      [names.container(name), names.harvest(name), names.fillIn(name)].map((container) =>
        unlessGone("remove a container", () =>
          engine.getContainer(container).remove({ force: true, v: true }),
        ),
      ),
    );
    await Promise.all([
      ...Object.values(names.volumes(name)).map((volume) =>
        unlessGone("remove a volume", () => engine.getVolume(volume).remove()),
      ),
      opened().network.release(names.container(name)),
    ]);
  };

  return {
    open: async () => {
      ground ??= await prepareGround(engine, names, scripts, helping, {
        helperImage: options.helperImage,
        bus: options.bus,
        allowOnlineWithoutRules: options.allowOnlineWithoutRules ?? false,
        rulesTrustMs: options.rulesTrustMs ?? 5_000,
        workspaces: options.workspaces ?? "auto",
      });
      const { engineVersion, cpus, memoryBytes } = ground;
      return { engineVersion, cpus, memoryBytes };
    },

    resolveImage: checkImage,

    openGateway: (accept) => opened().gateway.open(accept),

    hasPack: (sha256) => opened().stored.has(names.pack(sha256)),

    storePack: async (pack, bundlePath) => {
      const volume = names.pack(pack.sha256);
      const { stored } = opened();
      if (await stored.has(volume)) return;
      const job = await packJob(names, scripts.helper["store-pack"], pack, bundlePath);
      await stored.fill(volume, "pack", job);
    },

    prepare: async (spec) => {
      const on = opened();
      refuseUnusable(spec);
      const checkout = names.checkout(checkoutKey(spec.workspace, scripts.helper.checkout));
      const [found, ...stored] = await Promise.all([
        unlessGone("look up a container", () => containerOf(spec.name).inspect()),
        ...spec.workspace.packs.map((sha256) => on.stored.has(names.pack(sha256))),
      ]);
      if (found !== undefined) {
        if (found.State.Status === "created") await on.gateway.connect(spec, found.Id);
        if (!needsFilling(spec) || found.State.Status !== "created") return;
        // A process that died may have filled in one half of it.
        await removeAttempt(spec.name);
      }
      if (stored.includes(false)) {
        const sha256 = spec.workspace.packs[stored.indexOf(false)];
        throw new PitayaError("blob_missing", `The pack ${sha256} is not stored on this runner.`);
      }
      const job = checkoutJob(names, scripts.helper.checkout, spec.workspace);
      await on.stored.fill(checkout, "checkout", job);
      const admitted =
        spec.network === "online"
          ? on.network.admit(names.container(spec.name), spec.openHostEndpoint)
          : Promise.resolve();
      const gatewayAddress = await on.gateway.admit(spec);
      const workspace = makeWorkspace(engine, names, on, {
        spec,
        checkout,
        copyScript: scripts.helper["copy-checkout"],
        helperImage: options.helperImage,
        gatewayAddress,
      });
      await finished([admitted, workspace]);
      await on.gateway.connect(spec, names.container(spec.name));
      if (!needsFilling(spec)) return;
      await fillIn(helping, names, {
        spec,
        script: scripts.helper["fill-in"],
        image: options.helperImage,
      });
    },

    start: async (name, secrets) => {
      const lines = secretLines(secrets);
      const container = containerOf(name);
      const live = attached(
        (await onEngine("attach to a container", () =>
          container.attach({ stream: true, stdin: true, stdout: true, stderr: true, hijack: true }),
        )) as Duplex,
      );
      try {
        await onEngine("start a container", () => container.start());
      } catch (error) {
        live.close();
        throw error;
      }
      const execution = watchExecution({
        container,
        live,
        from: { stdout: 0, stderr: 0 },
        report: async () => (await left.of(name)).report,
        settleMs,
      });
      // If the container has died already, its exit tells why; a broken pipe here does not.
      await live.write(lines).then(live.endInput, live.endInput);
      return execution;
    },

    adopt: async (name, from) => {
      const container = containerOf(name);
      const found = await unlessGone("look up a container", () => container.inspect());
      if (found === undefined || found.State.Status === "created") {
        throw new PitayaError(
          "runner_lost",
          `The container ${names.container(name)} is not there.`,
        );
      }
      return watchExecution({
        container,
        live: undefined,
        from,
        report: async () => (await left.of(name)).report,
        settleMs,
      });
    },

    pause: (name) => setPaused(containerOf(name), true),
    unpause: (name) => setPaused(containerOf(name), false),

    harvest: async (name, toDir, maxBytes, paths = []) => {
      const container = containerOf(name);
      if (!left.isKnown(name)) {
        const found = await onEngine("look up a container", () => container.inspect());
        if (found.State.Running) {
          throw new PitayaError("internal", "A harvest is taken from a container that has ended.");
        }
        const { report } = await left.of(name);
        if (report === undefined) await harvestAgain(engine, names, name, found);
      }
      const { report, files } = await left.of(name);
      if (report === undefined) {
        throw new PitayaError(
          "harvest_failed",
          "Neither the agent's container nor a second one on its volumes could harvest.",
        );
      }
      const session = await sessionFiles(container, paths);
      return collectHarvest(container, report, files, toDir, maxBytes, session);
    },

    snapshot: (name, options) => takeSnapshot(containerOf(name), options),

    diskBytes: async (attempts) => {
      const steward = await opened().stewards.get();
      const { hasOverlay } = opened();
      return steward.measure(attempts.map(names.volumes), hasOverlay ? "overlay" : "copy");
    },

    remove: removeAttempt,

    list: async () => {
      const label = [`${LABEL.runner}=${names.runnerId}`, `${LABEL.role}=attempt`];
      const found = await onEngine("list containers", () =>
        engine.listContainers({ all: true, filters: { label } }),
      );
      return found.flatMap(({ Labels, State }) => {
        const name = attemptOf(Labels);
        return name === undefined ? [] : [{ name, state: stateOf(State) }];
      });
    },

    leftovers: async (keep) => {
      const found = await findLeftovers(keep);
      return found.map(({ kind, name }) => ({ kind, name }));
    },

    reap: async (keep) => {
      await opened().network.retain(new Set(keep.map(names.container)));
      for (const leftover of await findLeftovers(keep)) await leftover.remove();
    },

    close: async () => {
      if (ground === undefined) return;
      const { network, gateway, stewards } = ground;
      ground = undefined;
      await network.close();
      await gateway.close();
      await stewards.close();
    },
  };
}

function stateOf(state: string): LiveAttempt["state"] {
  if (state === "created" || state === "paused") return state;
  return state === "exited" || state === "dead" || state === "removing" ? "exited" : "running";
}

/** What the wrapper cannot pass on as it is. */
function refuseUnusable(spec: AttemptSpec): void {
  const program = spec.argv[0] ?? "";
  if (program === "" || program.includes("=")) {
    throw new PitayaError(
      "task_unsupported",
      `No program can be named ${JSON.stringify(program)}.`,
    );
  }
}
