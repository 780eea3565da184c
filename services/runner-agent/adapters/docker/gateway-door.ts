import type { Duplex } from "node:stream";
import { PitayaError } from "@pitaya/protocol";
import type { AttemptSpec } from "../../ports/executor.port.ts";
import { type Engine, onEngine, unlessGone } from "./engine.ts";
import { gatewayRules } from "./gateway.rules.ts";
import { gatewayRelay } from "./gateway-relay.ts";
import type { Naming } from "./names.ts";
import type { Steward } from "./steward.ts";

/** The way from agents' containers to the gateway. Nothing of it is there before it is asked for. */
export interface GatewayDoor {
  /** See {@link import("../../ports/executor.port.ts").Executor.openGateway}. */
  open(accept: (connection: Duplex) => void): Promise<void>;
  /**
   * Its address for an attempt that uses it, with the rules around it standing.
   * @throws `engine_unavailable` without rules
   */
  admit(spec: AttemptSpec): Promise<string | undefined>;
  /** Gives a container that is online the second way as well. Idempotent. */
  connect(spec: AttemptSpec, container: string): Promise<void>;
  /** Removes all of it unless a container needs it. */
  close(): Promise<void>;
}

const usesGateway = ({ network, usesGateway = false }: AttemptSpec) =>
  network === "proxy" || (usesGateway && network === "online");

/**
 * A bridge of its own without a way out (`Internal`), on whose address on the engine's host a relay
 * listens. Agents of a runner cannot reach each other on it, nor, by its rules, anything else.
 */
export function gatewayDoor(
  engine: Engine,
  naming: Naming,
  options: {
    readonly steward: () => Promise<Steward>;
    readonly image: string;
    readonly script: string;
    /** Operator's word, and how long rules are taken to stand: as for the network `online`. */
    readonly allowWithoutRules: boolean;
    readonly trustMs: number;
  },
): GatewayDoor {
  const names = naming.gateway;
  const relay = gatewayRelay(engine, naming, options);
  let guardedAt = Number.NEGATIVE_INFINITY;
  let guarding: Promise<string> | undefined;

  const lookUp = () =>
    unlessGone("look up the gateway's network", () => engine.getNetwork(names.network).inspect());

  const ensureNetwork = async (): Promise<string> => {
    let found = await lookUp();
    if (found === undefined) {
      await unlessGone(
        "create the gateway's network",
        () =>
          engine.createNetwork({
            Name: names.network,
            Driver: "bridge",
            Internal: true,
            EnableIPv6: false,
            Labels: naming.labels("network"),
            Options: {
              "com.docker.network.bridge.name": names.bridge,
              "com.docker.network.bridge.enable_icc": "false",
            },
          }),
        [409],
      );
      found = await lookUp();
    }
    const address: unknown = found?.IPAM?.Config?.[0]?.["Gateway"];
    if (typeof address === "string") return address.replace(/\/.*$/, "");
    throw new PitayaError(
      "engine_unavailable",
      "The engine gave the gateway's network no address.",
    );
  };

  /** Calls that come while one is under way share it. */
  const guard = (): Promise<string> => {
    guarding ??= (async () => {
      const address = await ensureNetwork();
      if (performance.now() - guardedAt < options.trustMs) return address;
      try {
        const steward = await options.steward();
        await steward.setRules(await steward.host(), names, gatewayRules(naming, address));
        guardedAt = performance.now();
      } catch (error) {
        if (options.allowWithoutRules) return address;
        throw new PitayaError(
          "engine_unavailable",
          `The gateway is refused, since the rules that keep agents from this host could not be set: ${
            error instanceof Error ? error.message : String(error)
          }`,
          { cause: error, retryable: false },
        );
      }
      return address;
    })().finally(() => {
      guarding = undefined;
    });
    return guarding;
  };

  return {
    open: async (accept) => relay.open(await guard(), accept),
    admit: async (spec) => (usesGateway(spec) ? guard() : undefined),
    connect: async (spec, container) => {
      if (spec.network !== "online" || !usesGateway(spec)) return;
      await unlessGone(
        "connect a container to the gateway's network",
        () => engine.getNetwork(names.network).connect({ Container: container }),
        // It is already.
        [403, 409],
      );
    },
    close: async () => {
      relay.close();
      const isNeeded = await isInUse();
      if (isNeeded) return;
      await relay.remove();
      const removed = await unlessGone("remove the gateway's network", async () => {
        await engine.getNetwork(names.network).remove();
        return true;
      }, [403, 404, 409]);
      if (removed !== true) return;
      const steward = await options.steward();
      await steward.dropRules(await steward.host(), names);
    },
  };

  /** Containers that are made and not started are not on it yet for the engine. */
  async function isInUse(): Promise<boolean> {
    const network = await lookUp();
    if (network === undefined) return false;
    const containers = await onEngine("list containers", () =>
      engine.listContainers({ all: true, filters: { network: [names.network] } }),
    );
    return containers.length > 0;
  }
}
