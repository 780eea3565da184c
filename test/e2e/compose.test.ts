import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { oddRepository, snapshotRepository } from "@pitaya/git/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { forgetRunner, leftOnEngine } from "../support/engine.ts";
import { type ModelServer, startModelServer } from "../support/model-server/model-server.ts";
import { branchesOf, jsonLines, type Person, person } from "../support/pitaya.ts";
import { forbiddenChanges } from "../support/unchanged.ts";

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL("../..", import.meta.url));

let model: ModelServer;
let user: Person;
let repository: string;
let dir: string;
let compose: (...args: readonly string[]) => Promise<string>;

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const address = server.address();
  await new Promise((closed) => server.close(closed));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

beforeAll(async () => {
  // Makes the images and, where it is missing, gets Compose.
  const setUp = [join(ROOT, "scripts", "setup.mjs"), "compose"];
  const { stdout: found } = await run(process.execPath, setUp, { cwd: ROOT });
  const { compose: command } = z
    .object({ compose: z.array(z.string()).min(1) })
    .parse(JSON.parse(found));
  // A project of its own, so that a stack the user has up is left alone; a copy of the file, since
  // the cli's credential is written beside it.
  dir = await mkdtemp(join(tmpdir(), "pitaya-compose-"));
  await cp(join(ROOT, "docker-compose.yml"), join(dir, "docker-compose.yml"));
  const port = await freePort();
  const env: NodeJS.ProcessEnv = { ...process.env, PITAYA_NATS_PORT: String(port) };
  // The engine that this test's own commands use, wherever its socket is.
  const socket = /^unix:\/\/(.+)$/.exec(env["DOCKER_HOST"] ?? "")?.[1];
  if (socket !== undefined) env["PITAYA_DOCKER_SOCKET"] = socket;
  const project = `pitaya-e2e-${randomBytes(4).toString("hex")}`;
  const [program = "docker", ...first] = command;
  compose = async (...args) => {
    const { stdout } = await run(program, [...first, "-p", project, ...args], { cwd: dir, env });
    return stdout;
  };
  model = await startModelServer({ host: "0.0.0.0", port: 0 });
  // An operator lets agents reach this one port of the host.
  env["PITAYA_RUNNER__HOST_ENDPOINTS"] = `host.docker.internal:${model.port}`;
  await compose("up", "--detach", "--no-build", "--wait", "nats", "coordinator", "runner-agent");
  ({ path: repository } = await oddRepository("plain", await mkdtemp(join(dir, "repository-"))));
  user = await person({
    ANTHROPIC_API_KEY: "sk-ant-e2e-not-a-real-key",
    PITAYA_NATS_URL: `nats://127.0.0.1:${port}`,
    PITAYA_NATS__CREDS: join(dir, "docker", "credentials", "cli.json"),
  });
});
afterAll(async () => {
  await model?.close();
  const about = await compose?.(
    "exec",
    "-T",
    "runner-agent",
    "cat",
    "/run/credentials/runner.json",
  );
  await compose?.("down", "--volumes", "--timeout", "15");
  if (about) await forgetRunner(z.object({ id: z.string() }).parse(JSON.parse(about)).id);
  if (dir) await rm(dir, { recursive: true, force: true });
});

describe("through docker compose, the same command", () => {
  it("brings three branches, two at a time", async () => {
    const before = await snapshotRepository(repository);
    const url = model.url("ok", "compose", "host.docker.internal");
    const args = [
      "add a greeting",
      "--runs",
      "3",
      "--max-parallel",
      "2",
      "--json",
      "--base-url",
      url,
    ];
    const { code, stdout, stderr } = await user.run(args, { cwd: repository });
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(await branchesOf(repository)).toHaveLength(3);
    expect(await forbiddenChanges(repository, before)).toEqual([]);
    const runs = [...new Set(jsonLines(stdout).map((line) => String(line["run_id"])))];
    expect(await leftOnEngine(runs)).toEqual([]);
  });

  it("lists the run, and shows it again", async () => {
    const { code, stdout } = await user.run(["runs", "--json"], { cwd: repository });
    expect(code).toBe(0);
    expect(stdout).toContain("completed");
  });

  it("finishes a run whose coordinator and runner-agent were started again", async () => {
    const url = model.url("okslow", "compose-restart", "host.docker.internal");
    const running = user.start(["add a greeting", "--no-tui", "--base-url", url], {
      cwd: repository,
    });
    await model.requested("compose-restart", 1);
    await compose("kill", "coordinator", "runner-agent");
    await compose("up", "--detach", "--no-build", "coordinator", "runner-agent");
    const { code, stderr } = await running.finished;
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(await branchesOf(repository)).toHaveLength(4);
  });
});
