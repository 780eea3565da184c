import { lookup } from "node:dns/promises";
import { type Engine, onEngine, unlessGone } from "./engine.ts";
import { finished } from "./finished.ts";
import { type GatewayDoor, gatewayDoor } from "./gateway-door.ts";
import type { Helpers } from "./helper-container.ts";
import { missingImage } from "./image-check.ts";
import type { Naming } from "./names.ts";
import type { Endpoint } from "./network.rules.ts";
import { type RunnerNetwork, runnerNetwork } from "./network.ts";
import { canMountOverlay } from "./overlay-probe.ts";
import { AGENT_USER } from "./places.ts";
import type { Scripts } from "./scripts.ts";
import { removeOldStewards, type StewardHost, startSteward } from "./steward.ts";
import { keepSteward, type StewardKeeper } from "./steward-keeper.ts";
import { type StoredVolumes, storedVolumes } from "./stored-volumes.ts";
import { wrapperVolume } from "./wrapper-volume.ts";

/** What an opened executor stands on: the engine as it was found, and what was set up there. */
export interface Ground {
  readonly engineVersion: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly host: StewardHost;
  /** Where the engine keeps volumes, on its host. */
  readonly volumesRoot: string;
  /** Can a workspace be an overlay over its checkout? Otherwise it is a copy. */
  readonly hasOverlay: boolean;
  readonly wrapperVolume: string;
  readonly helpers: Helpers;
  readonly stewards: StewardKeeper;
  readonly stored: StoredVolumes;
  readonly network: RunnerNetwork;
  readonly gateway: GatewayDoor;
}

export async function prepareGround(
  engine: Engine,
  naming: Naming,
  scripts: Scripts,
  helpers: Helpers,
  options: {
    readonly helperImage: string;
    readonly bus: readonly Endpoint[];
    readonly allowOnlineWithoutRules: boolean;
    readonly rulesTrustMs: number;
    readonly workspaces: "auto" | "copy";
  },
): Promise<Ground> {
  const image = options.helperImage;
  const info = await onEngine("answer", () => engine.info());
  const found = await unlessGone("look up the helper image", () =>
    engine.getImage(image).inspect(),
  );
  if (found === undefined) throw missingImage(image);
  const wrapper = await wrapperVolume(engine, naming, scripts);
  const { volumesRoot } = wrapper;

  const stewards = keepSteward(() =>
    startSteward(engine, naming, { image, script: scripts.helper.steward, volumesRoot }),
  );
  const steward = stewards.get;
  const network = runnerNetwork(engine, naming, {
    steward,
    bus: await Promise.all(options.bus.map(withAddress)),
    allowWithoutRules: options.allowOnlineWithoutRules,
    trustMs: options.rulesTrustMs,
  });
  const gateway = gatewayDoor(engine, naming, {
    steward,
    image,
    script: scripts.helper.relay,
    allowWithoutRules: options.allowOnlineWithoutRules,
    trustMs: options.rulesTrustMs,
  });
  const stored = storedVolumes(engine, naming, { steward, helpers, image, user: AGENT_USER });
  try {
    const first = await steward();
    const [host, hasOverlay] = await finished([
      first.host(),
      options.workspaces === "auto" &&
        canMountOverlay(engine, naming, { image, volumesRoot, steward }),
      wrapper.fill(first),
      stored.open(),
      network.open(),
      removeOldStewards(engine, naming, first.containerId),
    ]);
    return {
      engineVersion: String(info.ServerVersion),
      cpus: Number(info.NCPU),
      memoryBytes: Number(info.MemTotal),
      host,
      volumesRoot,
      hasOverlay,
      wrapperVolume: wrapper.name,
      helpers,
      stewards,
      stored,
      network,
      gateway,
    };
  } catch (error) {
    await stewards.close();
    throw error;
  }
}

/** Packet rules take addresses; a bus named by its host is looked up from here. */
async function withAddress({ host, port }: Endpoint): Promise<Endpoint> {
  const { address } = await lookup(host, { family: 4 });
  return { host: address, port };
}
