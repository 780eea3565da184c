import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { natsBus } from "@pitaya/bus";
import { buckets, errorRecord, PitayaError } from "@pitaya/protocol";
import { afterEach, describe, expect, it, onTestFinished } from "vitest";
import { processTable } from "./processes.ts";
import {
  eventually,
  everyPath,
  isGone,
  nothingLeft,
  type StandInStack,
  standInStack,
} from "./stand-in/stand-in-stack.ts";

const ps = (pid: number, ...format: string[]) =>
  execFileSync("ps", ["-ww", "-o", ...format, "-p", String(pid)], { encoding: "utf8" }).trim();

function environmentOf(pid: number): string[] {
  if (process.platform === "linux") return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
  return ps(pid, "command=", "-E").split(" ");
}

let stack: StandInStack;
afterEach(() => stack.remove());

describe("commands with nothing running", () => {
  it("get one stack, though ten come at the same moment", async () => {
    stack = standInStack();
    const visitors = await Promise.all(Array.from({ length: 10 }, () => stack.visitor().arrived));
    const { pid } = stack.supervisor();
    expect(visitors.map((visitor) => visitor.pid)).toEqual(Array(10).fill(pid));
    expect(new Set(visitors.map(({ url }) => url)).size).toBe(1);
    expect(stack.servers()).toHaveLength(1);
    expect(stack.calls()).toHaveLength(1);
    expect(visitors.filter(({ starts }) => starts > 0)).toHaveLength(1);
    expect(await stack.status()).toMatchObject({
      state: "running",
      stack: { pid, attached: 10, submitting: 10, phase: "ready" },
    });
    await Promise.all(visitors.map((visitor) => visitor.leave()));
    expect(await stack.status()).toMatchObject({ stack: { attached: 0 } });
  });

  it("get one stack, though the one that began to start it was killed", async () => {
    stack = standInStack();
    stack.set({ gate: "start" });
    const first = stack.visitor();
    await eventually(() => stack.calls()).toHaveLength(1);
    const others = [stack.visitor(), stack.visitor()];
    first.process.kill("SIGKILL");
    await once(first.process, "exit");
    stack.set({});
    const { pid } = stack.supervisor();
    for (const other of others) expect((await other.arrived).pid).toBe(pid);
    expect(stack.calls()).toHaveLength(1);
  });

  it("are told what it is doing", async () => {
    stack = standInStack();
    const steps: string[] = [];
    const connection = await stack.connect({ onProgress: (step) => steps.push(step) });
    expect(steps[0]).toBe("starting the stack");
    expect(steps).toContainEqual(expect.stringMatching(/^starting nats-server 2\.\d+/));
    connection.close();
  });
});

describe("a stack", () => {
  it("has an environment without the secrets of the command that started it", async () => {
    stack = standInStack({
      ANTHROPIC_API_KEY: "sk-canary",
      CLAUDE_CODE_OAUTH_TOKEN: "sk-canary",
      PITAYA_API_KEY: "sk-canary",
      SOMETHING: "sk-canary",
      PITAYA_IDLE_MS: "600000",
      LANG: "C.UTF-8",
    });
    (await stack.connect()).close();
    for (const { pid } of [stack.supervisor(), stack.server()]) {
      const environment = environmentOf(pid);
      expect(environment.join()).not.toContain("canary");
      expect(environment).toEqual(
        expect.arrayContaining(["LANG=C.UTF-8", "PITAYA_IDLE_MS=600000"]),
      );
    }
  });

  it("leaves the terminal and the process group it was started from", async () => {
    stack = standInStack();
    (await stack.connect()).close();
    const { pid } = stack.supervisor();
    expect(ps(pid, "pgid=")).toBe(String(pid));
    expect(ps(pid, "tty=")).toMatch(/^\?+$/);
  });

  it("lets a command act as a cli, and a stranger not at all", async () => {
    stack = standInStack();
    const connection = await stack.connect();
    const { url, user } = connection.bus;
    const bus = await natsBus({ servers: url, name: "test", user });
    onTestFinished(() => bus.close());
    expect(await bus.bucket(buckets.runs).entries()).toEqual([]);
    const forged = bus.bucket(buckets.runs).put("run_1", new Uint8Array());
    await expect(forged).rejects.toMatchObject({ code: "permission_denied" });
    await expect(natsBus({ servers: url, name: "test" })).rejects.toMatchObject({
      code: "permission_denied",
    });
    connection.close();
  });

  it("keeps everything it writes from other users", async () => {
    stack = standInStack();
    const before = process.umask(0);
    try {
      (await stack.connect()).close();
    } finally {
      process.umask(before);
    }
    const open = everyPath(stack.directory).filter((path) => (statSync(path).mode & 0o077) !== 0);
    expect(open).toEqual([]);
    expect(everyPath(stack.directory)).toContain(stack.paths.socket);
  });

  it("is reached in a state directory with a path too long for a socket", async () => {
    stack = standInStack({}, `${"deep/".repeat(30)}state`);
    const connection = await stack.connect();
    const directory = stack.paths.socketDirectory ?? "";
    expect(dirname(stack.paths.socket)).toBe(directory);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    // A command with another idea of where short paths go finds it all the same.
    const elsewhere = join(stack.env["HOME"] ?? "", "run");
    mkdirSync(elsewhere);
    const other = await stack.connect({ env: { ...stack.env, XDG_RUNTIME_DIR: elsewhere } });
    expect((await other.status()).pid).toBe((await connection.status()).pid);
    connection.close();
    other.close();
    await stack.down();
    await nothingLeft(stack);
  });

  it("starts over a socket file that nobody listens on", async () => {
    stack = standInStack();
    const server = createServer().listen(stack.paths.socket);
    await new Promise((resolve) => server.once("listening", resolve));
    // Closing would remove the file; this leaves it as a kill does.
    const { socket } = stack.paths;
    writeFileSync(`${socket}.copy`, "");
    await new Promise((resolve) => server.close(resolve));
    writeFileSync(socket, "");
    (await stack.connect()).close();
    expect(stack.servers()).toHaveLength(1);
  });

  it("starts over damaged files in its directory", async () => {
    stack = standInStack();
    const { paths } = stack;
    mkdirSync(paths.server.ports, { recursive: true });
    const damaged = [
      paths.lock,
      paths.startLock,
      paths.record,
      join(paths.server.directory, "cli-cli.json"),
      join(paths.server.directory, "admin-admin.json"),
      paths.server.record,
      paths.server.config,
      join(paths.server.ports, "nats-server_1.ports"),
    ];
    for (const path of damaged) writeFileSync(path, "\u0000{ damaged ".repeat(300));
    (await stack.connect()).close();
    expect(stack.servers()).toHaveLength(1);
  });

  it("of another engine is another stack", async () => {
    stack = standInStack();
    const own = await stack.connect();
    const env = { ...stack.env, DOCKER_HOST: "tcp://127.0.0.1:1" };
    const other = await stack.connect({ env });
    const { pid, engine } = await other.status();
    expect(engine).toBe("tcp://127.0.0.1:1");
    expect(pid).not.toBe((await own.status()).pid);
    expect(other.bus.url).not.toBe(own.bus.url);
    own.close();
    other.close();
    const supervisor = processTable().find(pid) ?? expect.fail("it does not run");
    process.kill(pid, "SIGTERM");
    await other.ended;
    expect(await stack.status()).toMatchObject({ state: "running" });
    // It still writes into the directory that is removed now.
    await isGone(supervisor);
  });
});

describe("a stack that cannot start", () => {
  it("tells everyone who waits for it why, and leaves nothing running", async () => {
    stack = standInStack();
    const failure = errorRecord(
      new PitayaError("engine_unavailable", "no engine answers", { hint: "start it" }),
    );
    stack.set({ gate: "start" });
    const waiting = [stack.connect(), stack.connect(), stack.connect()];
    const outcomes = Promise.allSettled(waiting);
    await eventually(() => stack.calls()).toHaveLength(1);
    const supervisor = stack.supervisor();
    stack.set({ failStart: failure });
    for (const outcome of await outcomes) {
      expect(outcome).toMatchObject({
        reason: { code: "engine_unavailable", message: "no engine answers", hint: "start it" },
      });
    }
    await isGone(supervisor);
    await nothingLeft(stack);
  });

  it("says that nats-server is missing, or too old", async () => {
    stack = standInStack({
      PATH: "/nowhere",
      PITAYA_NATS_SERVER: "",
      PITAYA_CACHE_DIR: "/nowhere",
    });
    await expect(stack.connect()).rejects.toMatchObject({ code: "server_missing" });
    expect(everyPath(stack.directory)).not.toContain(stack.paths.server.directory);
    const old = join(stack.directory, "old-server");
    writeFileSync(old, '#!/bin/sh\necho "nats-server: v2.10.27"\n');
    chmodSync(old, 0o700);
    const env = { ...stack.env, PATH: process.env["PATH"], PITAYA_NATS_SERVER: old };
    await expect(stack.connect({ env })).rejects.toMatchObject({
      code: "server_too_old",
      message: expect.stringContaining("2.10.27"),
    });
    await nothingLeft(stack);
  });

  it("passes on what nats-server said when it refused", async () => {
    stack = standInStack();
    const server = join(stack.directory, "server");
    writeFileSync(
      server,
      '#!/bin/sh\n[ "$1" = --version ] && echo "nats-server: v2.15.1" && exit\necho "no space left" >&2; exit 3\n',
    );
    chmodSync(server, 0o700);
    await expect(
      stack.connect({ env: { ...stack.env, PITAYA_NATS_SERVER: server } }),
    ).rejects.toMatchObject({
      code: "stack_failed",
      message: expect.stringMatching(/exit code 3(.|\n)*no space left/),
      hint: expect.stringContaining(stack.paths.server.log),
    });
    await nothingLeft(stack);
  });

  it("is given up when its supervisor dies again and again, with the end of its log", async () => {
    stack = standInStack();
    stack.set({ crash: true });
    await expect(stack.connect()).rejects.toMatchObject({
      code: "stack_failed",
      message: expect.stringMatching(/dies while it starts(.|\n)*preparing the streams/),
      hint: expect.stringContaining(stack.paths.log),
    });
    expect(stack.calls().length).toBeGreaterThanOrEqual(3);
  });

  it("says so when the supervisor itself does not run", async () => {
    stack = standInStack();
    const entry = join(stack.directory, "broken.ts");
    writeFileSync(entry, 'throw new Error("half an installation");\n');
    await expect(stack.connect({ entry })).rejects.toMatchObject({
      code: "stack_failed",
      message: expect.stringContaining("half an installation"),
    });
  });

  it("names the directory that cannot be used", async () => {
    stack = standInStack();
    const file = join(stack.directory, "file");
    writeFileSync(file, "");
    await expect(stack.connect({ stateDirectory: join(file, "below") })).rejects.toMatchObject({
      code: "stack_failed",
      message: expect.stringContaining(file),
      hint: expect.stringContaining("--state-dir"),
    });
    rmSync(file);
  });
});
