import type { Duplex } from "node:stream";
import { PitayaError } from "@pitaya/protocol";
import type { MountSettings } from "dockerode";
import { attached } from "./attached.ts";
import { type Engine, onEngine, statusOf, unlessGone } from "./engine.ts";
import { hardened } from "./hardening.rules.ts";
import { type AttemptVolumes, type GuardedBridge, LABEL, type Naming, shortHash } from "./names.ts";
import { waitForEnd } from "./wait-for-end.ts";

/** How long the closing waits for an engine to remove the container whose input has ended. */
const GONE_MS = 30_000;

/** What the engine's host is like. */
export interface StewardHost {
  /** Whose packet filter the engine uses, and the chain to hook into; undefined: none we know. */
  readonly filter: { readonly flavour: "nft" | "legacy"; readonly chain: string } | undefined;
  readonly hasIpv6: boolean;
  /** What `host.docker.internal` means to containers. */
  readonly gateway: string | undefined;
  readonly nameServers: readonly string[];
}

/**
 * The helper container that lives as long as this process and acts on the engine's host for it:
 * volumes and packet rules (`docker/wrapper/helper/steward.sh`). One request costs about 2 ms, where
 * a container start costs 200 and the engine's archive call 45.
 */
export interface Steward {
  readonly containerId: string;
  host(): Promise<StewardHost>;
  /** Volumes with these beginnings of names that were filled to the end. */
  complete(prefixes: readonly string[]): Promise<ReadonlySet<string>>;
  /** Fresh volumes of an attempt get their directories, owners and what the agent reads, by name. */
  prepare(volumes: AttemptVolumes, inputs: Readonly<Record<string, string>>): Promise<void>;
  put(volume: string, file: string, content: string): Promise<void>;
  seal(volume: string): Promise<void>;
  /** Gives the volume's directory to the agent's user. */
  own(volume: string): Promise<void>;
  /**
   * The wrapper's report of an ended container and the harvest's files, each undefined where it is
   * none or over `maxBytes`, a report over 64 KiB.
   */
  collect(volumes: AttemptVolumes, maxBytes: number): Promise<HarvestFiles>;
  /**
   * Bytes on disk of each; undefined where it took too long to count. A workspace that is a copy
   * counts whole, since nothing tells what of it is new.
   */
  measure(
    volumes: readonly AttemptVolumes[],
    workspaces: "overlay" | "copy",
  ): Promise<readonly (number | undefined)[]>;
  setRules(host: StewardHost, bridge: GuardedBridge, rules: string): Promise<void>;
  dropRules(host: StewardHost, bridge: GuardedBridge): Promise<void>;
  readonly isAlive: boolean;
  /** Ends it; resolves when the container is gone. */
  close(): Promise<void>;
}

/** As the container left them, regular files all. */
export interface HarvestFiles {
  readonly report: string | undefined;
  readonly bundle: Uint8Array | undefined;
  readonly patch: Uint8Array | undefined;
}

interface Waiting {
  resolve(text: string): void;
  reject(error: Error): void;
}

export async function startSteward(
  engine: Engine,
  naming: Naming,
  options: { readonly image: string; readonly script: string; readonly volumesRoot: string },
): Promise<Steward> {
  const name = `${naming.prefix}-steward-${shortHash(`${process.pid} ${performance.timeOrigin}`, 8)}-${Math.trunc(performance.now())}`;
  const container = await createContainer(engine, naming, name, options);
  const connection = await onEngine("attach to the steward", () =>
    container.attach({ stream: true, stdin: true, stdout: true, stderr: true, hijack: true }),
  );
  const streams = attached(connection as Duplex);
  await onEngine("start the steward", () => container.start());

  const waiting = new Map<string, Waiting>();
  let isAlive = true;
  let lastId = 0;
  const ended = listen(streams.frames, waiting).then(() => {
    isAlive = false;
    const error = new PitayaError("engine_unavailable", "The runner's helper container ended.");
    for (const one of waiting.values()) one.reject(error);
    waiting.clear();
  });

  const ask = async (verb: string, args: readonly (string | number)[], body?: string) => {
    if (!isAlive) {
      throw new PitayaError("engine_unavailable", "The runner's helper container has ended.");
    }
    lastId += 1;
    const id = String(lastId);
    const answer = new Promise<string>((resolve, reject) => {
      waiting.set(id, { resolve, reject });
    });
    const request = `${[id, verb, ...args].join(" ")}\n${body ?? ""}`;
    // A broken connection ends `frames` too, which rejects the answer.
    await Promise.race([streams.write(request), ended]);
    return answer;
  };
  const done = async (asked: Promise<string>) => {
    await asked;
  };
  const filterOf = (host: StewardHost, on: GuardedBridge): readonly string[] => {
    if (host.filter === undefined) {
      throw new PitayaError("engine_unavailable", "This engine's packet filter is not known.", {
        retryable: false,
      });
    }
    const { flavour, chain } = host.filter;
    return [flavour, chain, on.bridge, on.forwardChain, on.inputChain];
  };

  return {
    containerId: container.id,
    host: async () => parseHost(await ask("host", [])),
    complete: async (prefixes) => {
      const names = await ask("complete", prefixes);
      return new Set(names.split(" ").filter((found) => found !== ""));
    },
    prepare: ({ upper, home, exchange }, inputs) => {
      const files = Object.entries(inputs).flatMap(([name, text]) => [
        name,
        Buffer.byteLength(text),
      ]);
      const body = Object.values(inputs).join("");
      return done(ask("prepare", [upper, home, exchange, ...files], body));
    },
    put: (volume, file, content) =>
      done(ask("put", [volume, file, Buffer.byteLength(content)], content)),
    seal: (volume) => done(ask("seal", [volume])),
    own: (volume) => done(ask("own", [volume])),
    collect: async ({ exchange }, maxBytes) => {
      const [report, bundle, patch] = (await ask("collect", [exchange, maxBytes])).split(" ");
      return {
        report: decoded(report)?.toString(),
        bundle: decoded(bundle),
        patch: decoded(patch),
      };
    },
    measure: async (volumes, workspaces) => {
      if (volumes.length === 0) return [];
      const args = volumes.flatMap(({ upper, work, home, exchange }) => [
        workspaces === "overlay" ? `${upper}/_data/upper` : `${work}/_data`,
        `${home}/_data`,
        `${exchange}/_data`,
      ]);
      const sizes = await ask("measure", args);
      return sizes.split(" ").map((size) => (/^\d+$/.test(size) ? Number(size) : undefined));
    },
    setRules: async (host, bridge, rules) =>
      done(ask("rules", [...filterOf(host, bridge), Buffer.byteLength(rules)], rules)),
    dropRules: async (host, bridge) => {
      if (host.filter !== undefined) await ask("unrules", filterOf(host, bridge));
    },
    get isAlive() {
      return isAlive;
    },
    close: async () => {
      streams.endInput();
      await ended;
      // Mostly it is gone by now, which the engine says too. One that an engine out of reach keeps
      // is removed by the next process (`removeOldStewards`).
      await waitForEnd(container, AbortSignal.timeout(GONE_MS), "removed").catch(() => undefined);
    },
  };
}

const decoded = (text: string | undefined): Buffer | undefined =>
  text === undefined || text === "-" ? undefined : Buffer.from(text, "base64");

async function createContainer(
  engine: Engine,
  naming: Naming,
  name: string,
  options: { readonly image: string; readonly script: string; readonly volumesRoot: string },
) {
  // Mounts of attempts below must not be held by us: those of now are left out, those to come go
  // when the engine unmounts them. The engine takes no other propagation for its own directories.
  const bindOptions = { Propagation: "rslave" as const, NonRecursive: true };
  const volumes: MountSettings = {
    Type: "bind",
    Source: options.volumesRoot,
    Target: "/volumes",
    BindOptions: bindOptions,
  };
  // The lock that iptables takes against the engine's own changes, where it uses one.
  const lock: MountSettings = {
    Type: "bind",
    Source: "/run/xtables.lock",
    Target: "/run/xtables.lock",
  };
  const create = (mounts: MountSettings[]) =>
    engine.createContainer({
      name,
      Image: options.image,
      Labels: naming.labels("steward"),
      User: "0:0",
      Entrypoint: ["/bin/sh", "-c", options.script, "pitaya-steward"],
      Cmd: [],
      OpenStdin: true,
      StdinOnce: true,
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
      HostConfig: {
        ...hardened(),
        AutoRemove: true,
        NetworkMode: "host",
        ExtraHosts: ["host.docker.internal:host-gateway"],
        CapAdd: ["NET_ADMIN", "NET_RAW", "CHOWN", "DAC_READ_SEARCH"],
        SecurityOpt: ["no-new-privileges", "label=disable"],
        Tmpfs: { "/run": "rw,nosuid,nodev,noexec,size=1m" },
        Mounts: mounts,
      },
    });
  try {
    return await create([volumes, lock]);
  } catch (error) {
    if (statusOf(error) !== 400) {
      return await onEngine("create the steward", () => Promise.reject(error));
    }
    return await onEngine("create the steward", () => create([volumes]));
  }
}

/** Passes each answer to who waits for it. Resolves when the steward's streams have ended. */
async function listen(
  frames: AsyncIterable<import("./attached.ts").Frame>,
  waiting: Map<string, Waiting>,
): Promise<void> {
  const partial = { stdout: "", stderr: "" };
  for await (const frame of frames) {
    const lines = (partial[frame.stream] + Buffer.from(frame.bytes).toString("latin1")).split("\n");
    partial[frame.stream] = lines.pop() ?? "";
    for (const line of lines) {
      const [id = "", outcome, ...words] = line.split(" ");
      const one = waiting.get(id);
      if (one === undefined) continue;
      waiting.delete(id);
      const text = words.join(" ");
      if (outcome === "ok") one.resolve(text);
      else one.reject(new PitayaError("engine_unavailable", `The engine's host refused: ${text}`));
    }
  }
}

export function parseHost(text: string): StewardHost {
  const [flavour = "", chain = "", ipv6, gateway = "", names = ""] = text.split(";");
  return {
    filter: flavour === "nft" || flavour === "legacy" ? { flavour, chain } : undefined,
    hasIpv6: ipv6 === "yes",
    gateway: gateway === "" ? undefined : gateway,
    nameServers: names.split(",").filter((address) => address !== ""),
  };
}

/** Removes stewards of this runner that other processes left. */
export async function removeOldStewards(engine: Engine, naming: Naming, own: string) {
  const wanted = { [LABEL.runner]: naming.runnerId, [LABEL.role]: "steward" };
  const found = await onEngine("list helper containers", () =>
    engine.listContainers({
      all: true,
      filters: { label: Object.entries(wanted).map(([key, value]) => `${key}=${value}`) },
    }),
  );
  for (const { Id } of found) {
    if (Id === own) continue;
    await unlessGone(
      "remove an old steward",
      () => engine.getContainer(Id).remove({ force: true, v: true }),
      [404, 409],
    );
  }
}
