import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { everythingStored, type StoredBytes } from "@pitaya/bus/testing";
import Docker from "dockerode";
import { spawnNats } from "./nats-process.ts";

/** Everything that an embedded stack keeps, for tests that look for what must not be in it. */

const engine = new Docker();
const filtersOf = (runner: string) => ({ label: [`pitaya.runner=${runner}`] });

export interface Watching {
  /** Of each container what the engine showed of it while it ran, or that it was gone again. */
  readonly seen: readonly string[];
  stop(): void;
}

/** Looks at every container of a runner's as soon as it runs: while its agent is alive. */
export async function watchContainers(runner: string): Promise<Watching> {
  const seen: string[] = [];
  const events = (await engine.getEvents({
    filters: { event: ["start"], type: ["container"], ...filtersOf(runner) },
  })) as Readable;
  const lines = createInterface({ input: events });
  // Of being stopped.
  for (const ended of [events, lines]) ended.on("error", () => undefined);
  lines.on("line", (line) => {
    if (line.trim() === "") return;
    const { id } = JSON.parse(line) as { id: string };
    void engine
      .getContainer(id)
      .inspect()
      .then(
        (about) => seen.push(JSON.stringify(about)),
        () => seen.push("gone again"),
      );
  });
  return { seen, stop: () => void events.destroy() };
}

/** All that the engine tells of a runner's things now, of what runs and of what only lies there. */
export async function shownByEngine(runner: string): Promise<string> {
  const filters = filtersOf(runner);
  const containers = await engine.listContainers({ all: true, filters });
  const about = containers.map(async ({ Id }) => {
    const container = engine.getContainer(Id);
    const inspected = await container.inspect();
    const execs = (inspected.ExecIDs ?? []).map((id) => engine.getExec(id).inspect());
    return [inspected, await container.top().catch(() => "ended"), await Promise.all(execs)];
  });
  const { Volumes } = await engine.listVolumes({ filters });
  const networks = await engine.listNetworks({ filters });
  const images = await engine.listImages({ filters });
  return JSON.stringify([await Promise.all(about), Volumes, networks, images]);
}

/** Files that hold one of these texts, in the volumes a runner keeps: packs, checkouts and programs. */
export async function filesInVolumes(runner: string, texts: readonly string[]): Promise<string[]> {
  const { Volumes } = await engine.listVolumes({ filters: filtersOf(runner) });
  const container = await engine.createContainer({
    ...{ Image: "pitaya-agents:latest", User: "root", NetworkDisabled: true },
    // grep has looked at everything only where it ends with 0, or with 1 for nothing found.
    Entrypoint: ["sh", "-c", 'grep -rlaF "$0" /kept; [ $? -lt 2 ]', texts.join("\n")],
    HostConfig: { Binds: Volumes.map(({ Name }, at) => `${Name}:/kept/${at}:ro`) },
  });
  try {
    await container.start();
    const { StatusCode } = (await container.wait()) as { StatusCode: number };
    const printed = (await container.logs({ stdout: true, stderr: true })).toString("latin1");
    if (StatusCode !== 0) throw new Error(`the volumes could not be searched: ${printed}`);
    // Frames of eight bytes stand before the lines.
    return printed.split("\n").flatMap((line) => /\/kept\/.*/.exec(line)?.[0] ?? []);
  } finally {
    await container.remove({ force: true });
  }
}

/** What the store of a stack that has ended gives back to somebody who may ask for all of it. */
export async function* storeOf(stateDir: string): AsyncGenerator<StoredBytes> {
  const dir = await mkdtemp(join(tmpdir(), "pitaya-store-"));
  const [place = ""] = await readdir(join(stateDir, "stacks"));
  const store = join(stateDir, "stacks", place, "nats", "store");
  const config = join(dir, "nats.conf");
  const pass = randomBytes(8).toString("hex");
  const users = `users: [{ user: all, password: "${pass}" }]`;
  await writeFile(
    config,
    `jetstream { store_dir: "${store}" }\naccounts { PITAYA { jetstream: enabled, ${users} } }\n`,
  );
  const server = await spawnNats(["-c", config], 0);
  try {
    yield* everythingStored({ servers: `127.0.0.1:${server.port}`, user: "all", pass });
  } finally {
    await server.kill("SIGTERM");
    await rm(dir, { recursive: true });
  }
}
