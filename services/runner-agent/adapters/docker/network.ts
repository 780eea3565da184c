import { PitayaError } from "@pitaya/protocol";
import { type Engine, onEngine, unlessGone } from "./engine.ts";
import { finished } from "./finished.ts";
import { LABEL, type Naming } from "./names.ts";
import { type Endpoint, filterRules } from "./network.rules.ts";
import type { Steward, StewardHost } from "./steward.ts";

/** The runner's bridge and the packet rules around it. */
export interface RunnerNetwork {
  /** Sets the rules, also those for endpoints that live attempts of an earlier process need. */
  open(): Promise<void>;
  /**
   * Makes sure the rules stand before an attempt goes online, with its endpoint open.
   * @throws `task_unsupported` for the bus's port, `engine_unavailable` without rules
   */
  admit(attempt: string, endpoint: Endpoint | undefined): Promise<void>;
  /** Closes the endpoint of an attempt that is gone, unless another needs it. */
  release(attempt: string): Promise<void>;
  /** Closes the endpoints of all attempts but these. */
  retain(attempts: ReadonlySet<string>): Promise<void>;
  /** Removes rules and bridge unless a container is on it. */
  close(): Promise<void>;
}

export function runnerNetwork(
  engine: Engine,
  naming: Naming,
  options: {
    readonly steward: () => Promise<Steward>;
    /** IPv4 literals. */
    readonly bus: readonly Endpoint[];
    /** Operator's word: online attempts although the rules cannot be set. */
    readonly allowWithoutRules: boolean;
    /** How long the rules are taken to stand since they were last set: a firewall's reload drops them. */
    readonly trustMs: number;
  },
): RunnerNetwork {
  const opened = new Map<string, Endpoint>();
  const isOpen = ({ host, port }: Endpoint) =>
    [...opened.values()].some((one) => one.host === host && one.port === port);
  let setAt = Number.NEGATIVE_INFINITY;
  let host: StewardHost | undefined;
  // One change at a time, so that the last one written is the newest.
  let last: Promise<unknown> = Promise.resolve();

  let waiting: Promise<void> | undefined;

  // Calls that come while one is under way share the next one.
  const apply = (): Promise<void> => {
    waiting ??= last.then(async () => {
      waiting = undefined;
      const steward = await options.steward();
      host ??= await steward.host();
      const open = [...new Set([...opened.values()].map(formatEndpoint))].flatMap(
        (text) => parseEndpoint(text) ?? [],
      );
      await steward.setRules(host, naming, filterRules(naming, host, { bus: options.bus, open }));
      setAt = performance.now();
    });
    const own = waiting;
    last = own.catch(() => undefined);
    return own;
  };

  const closeAll = async (attempts: readonly string[]) => {
    const closed = attempts.flatMap((attempt) => opened.get(attempt) ?? []);
    for (const attempt of attempts) opened.delete(attempt);
    if (closed.every(isOpen)) return;
    await apply().catch((error: unknown) => {
      if (!options.allowWithoutRules) throw error;
    });
  };

  const ensureBridge = async () => {
    const found = await unlessGone("look up the runner's network", () =>
      engine.getNetwork(naming.network).inspect(),
    );
    if (found !== undefined) return;
    await unlessGone(
      "create the runner's network",
      () =>
        engine.createNetwork({
          Name: naming.network,
          Driver: "bridge",
          EnableIPv6: false,
          Labels: naming.labels("network"),
          Options: {
            "com.docker.network.bridge.name": naming.bridge,
            "com.docker.network.bridge.enable_icc": "false",
          },
        }),
      [409],
    );
  };

  return {
    open: async () => {
      const containers = await onEngine("list containers", () =>
        engine.listContainers({
          all: true,
          filters: { label: [`${LABEL.runner}=${naming.runnerId}`, LABEL.endpoint] },
        }),
      );
      for (const { Names, Labels } of containers) {
        const endpoint = parseEndpoint(Labels[LABEL.endpoint]);
        if (endpoint) opened.set(Names[0]?.replace(/^\//, "") ?? "", endpoint);
      }
      await ensureBridge();
      try {
        await apply();
      } catch (error) {
        // Attempts that want the network are refused later, with this reason; others need none.
        if (!options.allowWithoutRules && !(error instanceof PitayaError)) throw error;
      }
    },
    admit: async (attempt, endpoint) => {
      let mustSet = performance.now() - setAt >= options.trustMs;
      if (endpoint !== undefined) {
        if (options.bus.some((bus) => bus.port === endpoint.port)) {
          throw new PitayaError(
            "task_unsupported",
            `An agent may not reach port ${endpoint.port} of this host: it is the bus's.`,
            { hint: "Run the provider's server on another port." },
          );
        }
        mustSet ||= !isOpen(endpoint);
        opened.set(attempt, endpoint);
      }
      if (!mustSet) {
        // Another attempt may be opening the same endpoint just now.
        await last;
        return;
      }
      // The engine's user may have pruned unused networks.
      const bridged = ensureBridge();
      try {
        await finished([bridged, apply()]);
      } catch (error) {
        await bridged;
        if (options.allowWithoutRules) return;
        opened.delete(attempt);
        throw new PitayaError(
          "engine_unavailable",
          `Network "online" is refused, since the rules that keep agents from this host could not be set: ${
            error instanceof Error ? error.message : String(error)
          }`,
          { cause: error, retryable: false },
        );
      }
    },
    release: (attempt) => closeAll([attempt]),
    retain: (attempts) => closeAll([...opened.keys()].filter((one) => !attempts.has(one))),
    close: async () => {
      await last;
      const network = engine.getNetwork(naming.network);
      // The engine refuses while a container is on it, and then its rules must stay as well.
      const removed = await unlessGone("remove the runner's network", async () => {
        await network.remove();
        return true;
      }, [403, 409]);
      if (removed !== true || host === undefined) return;
      await (await options.steward()).dropRules(host, naming);
    },
  };
}

export const formatEndpoint = ({ host, port }: Endpoint): string => `${host}:${port}`;

export function parseEndpoint(text: string | undefined): Endpoint | undefined {
  const at = text?.lastIndexOf(":") ?? -1;
  const port = Number(text?.slice(at + 1));
  if (text === undefined || at < 1 || !Number.isInteger(port)) return undefined;
  return { host: text.slice(0, at), port };
}
