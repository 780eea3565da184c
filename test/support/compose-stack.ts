import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { cp } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { z } from "zod";
import { forgetRunner } from "./engine.ts";
import { person } from "./pitaya.ts";
import { KEY, openPlaces, type Stack } from "./stack.ts";

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL("../..", import.meta.url));

export interface ComposeStack extends Stack {
  /** Kills these services and starts them again. */
  restart(...services: readonly string[]): Promise<void>;
}

/** What `docker compose up` starts, as a project of its own: one that the user has up is left alone. */
export async function composeStack(): Promise<ComposeStack> {
  const [program, ...first] = await setUpCompose();
  const places = await openPlaces();
  // A copy of the file, since the cli's credential is written beside it.
  const dir = await places.directory();
  await cp(join(ROOT, "docker-compose.yml"), join(dir, "docker-compose.yml"));
  const port = await freePort();
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    PITAYA_NATS_PORT: String(port),
    // An operator lets agents reach this one port of the host.
    PITAYA_RUNNER__HOST_ENDPOINTS: `host.docker.internal:${places.model.port}`,
  };
  // The engine that this test's own commands use, wherever its socket is.
  const socket = /^unix:\/\/(.+)$/.exec(env["DOCKER_HOST"] ?? "")?.[1];
  if (socket !== undefined) env["PITAYA_DOCKER_SOCKET"] = socket;
  const project = `pitaya-e2e-${randomBytes(4).toString("hex")}`;
  const compose = async (...args: readonly string[]) => {
    const { stdout } = await run(program, [...first, "-p", project, ...args], { cwd: dir, env });
    return stdout;
  };
  const inRunner = (...argv: readonly string[]) => compose("exec", "-T", "runner-agent", ...argv);
  const up = (...more: readonly string[]) => compose("up", "--detach", "--no-build", ...more);

  await up("--wait", "nats", "coordinator", "runner-agent");
  const about = JSON.parse(await inRunner("cat", "/run/credentials/runner.json"));
  const { id: runner } = z.object({ id: z.string() }).parse(about);
  const user = await person({
    ...KEY,
    PITAYA_NATS_URL: `nats://127.0.0.1:${port}`,
    PITAYA_NATS__CREDS: join(dir, "docker", "credentials", "cli.json"),
  });
  return {
    ...places,
    user,
    async exists(path) {
      const found = await inRunner("sh", "-c", 'test ! -e "$1" || echo there', "sh", path);
      return existsSync(path) || found !== "";
    },
    async restart(...services) {
      await compose("kill", ...services);
      await up(...services);
    },
    async leave() {
      await user.leave();
      await compose("down", "--volumes", "--timeout", "15");
      await forgetRunner(runner);
      await places.leave();
    },
  };
}

/** Makes the images and, where it is missing, gets Compose. @returns how Compose is called */
async function setUpCompose(): Promise<readonly [string, ...string[]]> {
  const setUp = [join(ROOT, "scripts", "setup.mjs"), "compose"];
  const { stdout } = await run(process.execPath, setUp, { cwd: ROOT });
  const Found = z.object({ compose: z.tuple([z.string()], z.string()) });
  return Found.parse(JSON.parse(stdout)).compose;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const address = server.address();
  await new Promise((closed) => server.close(closed));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
