import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Bus, natsBus, readCredential } from "@pitaya/bus";
import { z } from "zod";
import { person } from "../support/pitaya.ts";
import { commandsOf } from "./commands.ts";
import { signals } from "./containers.ts";
import { watchRuns } from "./run-watch.ts";
import { type Story, tellEvent } from "./story.ts";
import type { Victim, World } from "./world.ts";

export interface EmbeddedOptions {
  readonly story: () => Story;
  readonly userEnv: Readonly<Record<string, string>>;
  readonly engine: string | undefined;
}

const Recorded = z.object({ process: z.object({ pid: z.int() }), port: z.int().optional() });

/** What a user has who never named a server: one supervisor, started by the first command. */
export async function embeddedWorld(options: EmbeddedOptions): Promise<World> {
  const { story, userEnv, engine } = options;
  const user = await person(userEnv);
  const commands = commandsOf(user);
  const up = async () => {
    const { code, stderr } = await user.run(["up"], { cwd: "/" });
    if (code !== 0) throw new Error(`pitaya up: exit ${code}\n${stderr}`);
  };
  await up();
  const files = await readdir(user.stateDir, { recursive: true });
  const fileOf = (pattern: RegExp): string => {
    const found = files.find((file) => pattern.test(file));
    if (found === undefined) throw new Error(`no ${pattern} below ${user.stateDir}`);
    return join(user.stateDir, found);
  };
  const recorded = async (file: string) => Recorded.parse(JSON.parse(await readFile(file, "utf8")));
  const serverFile = fileOf(/nats\/server\.json$/);
  const supervisorFile = fileOf(/(^|\/)supervisor\.json$/);
  const runnerFile = fileOf(/nats\/runner-[a-z0-9-]+\.json$/);
  const runnerId = /runner-([a-z0-9-]+)\.json$/.exec(runnerFile)?.[1] ?? "";
  const { id, seed } = await readCredential(fileOf(/nats\/cli-cli\.json$/));
  const watch = watchRuns((seen) => tellEvent(story(), seen));
  let bus: Bus | undefined;
  let port: number | undefined;

  /** A stack that died may come back at another address. */
  async function follow(): Promise<void> {
    const now = (await recorded(serverFile)).port;
    if (now === port) return;
    port = now;
    const old = bus;
    bus = await natsBus({
      servers: `nats://127.0.0.1:${now}`,
      name: "watcher",
      user: { id, seed },
    });
    await watch.follow(bus);
    await old?.close();
  }
  await follow();

  async function victimOf(file: string, name: string): Promise<Victim> {
    const { process } = await recorded(file);
    return { name: `${name}, process ${process.pid}`, ...signals([process.pid]) };
  }

  return {
    kind: "embedded",
    watch,
    runners: [{ id: runnerId, stateDir: join(supervisorFile, "../runner") }],
    engine,
    logs: [join(supervisorFile, "../supervisor.log")],
    pitaya: commands.start,
    async victim(target) {
      const supervisor = await victimOf(supervisorFile, "supervisor");
      const server = await victimOf(serverFile, "nats-server");
      if (target === "supervisor") return supervisor;
      if (target === "nats-server") return server;
      if (target !== "stack") throw new Error(`there is no ${target} in the embedded stack`);
      return {
        name: `${supervisor.name} and ${server.name}`,
        async kill() {
          await Promise.all([supervisor.kill(), server.kill()]);
        },
        bringBack: () => undefined,
        async freeze() {
          await Promise.all([supervisor.freeze(), server.freeze()]);
        },
        async thaw() {
          await Promise.all([supervisor.thaw(), server.thaw()]);
        },
      };
    },
    // Whoever looks at a stack that died starts it again.
    async whole() {
      await up();
      await follow();
    },
    async close() {
      await commands.end();
      watch.stop();
      await bus?.close();
      await user.leave();
      return leftProcesses(user.stateDir);
    },
  };
}

/** For a process that was told to end. */
const END_MS = 5_000;

/** Processes that were started for this state directory. */
async function leftProcesses(stateDir: string): Promise<readonly string[]> {
  const deadline = performance.now() + END_MS;
  for (;;) {
    const found: string[] = [];
    for (const pid of await readdir("/proc")) {
      if (!/^\d+$/.test(pid)) continue;
      const environment = await readFile(`/proc/${pid}/environ`, "latin1").catch(() => "");
      if (!environment.includes(`PITAYA_STATE_DIR=${stateDir}\0`)) continue;
      const command = await readFile(`/proc/${pid}/cmdline`, "latin1").catch(() => "");
      if (command !== "") found.push(`process ${pid}: ${command.replaceAll("\0", " ")}`);
    }
    if (found.length === 0 || performance.now() > deadline) return found;
    await delay(50);
  }
}
