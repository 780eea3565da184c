import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { natsBus } from "@pitaya/bus";
import { buckets, errorRecord, PitayaError } from "@pitaya/protocol";
import { afterEach, describe, expect, it, onTestFinished } from "vitest";
import { processTable } from "./processes.ts";
import {
  eventually,
  isGone,
  kill,
  type StandInStack,
  standInStack,
} from "./stand-in/stand-in-stack.ts";

let stack: StandInStack;
afterEach(() => stack.remove());

describe("a supervisor that was killed", () => {
  it("is followed by another, on the same address, after its server was ended", async () => {
    stack = standInStack();
    const connection = await stack.connect();
    const [supervisor, server] = [stack.supervisor(), stack.server()];
    const { url, user } = connection.bus;
    const bus = await natsBus({ servers: url, name: "test", user });
    onTestFinished(() => bus.close());
    kill(supervisor);
    expect(await connection.ended).toEqual({ reason: "lost", interrupted: [] });
    expect(stack.servers()).toEqual([server]);

    const again = await connection.reconnect();
    expect(again.bus).toEqual(connection.bus);
    // The connection of before comes back by itself.
    expect(await bus.bucket(buckets.runs).entries()).toEqual([]);
    expect((await again.status()).pid).not.toBe(supervisor.pid);
    expect(stack.servers()).toEqual([stack.server()]);
    expect(stack.server()).not.toEqual(server);
    again.close();
  });

  it("is followed by one, though ten commands miss it at the same moment", async () => {
    stack = standInStack();
    const connections = await Promise.all(Array.from({ length: 10 }, () => stack.connect()));
    kill(stack.supervisor());
    const again = await Promise.all(
      connections.map(async (connection) => {
        await connection.ended;
        return connection.reconnect();
      }),
    );
    const pids = await Promise.all(
      again.map(async (connection) => (await connection.status()).pid),
    );
    expect(new Set(pids).size).toBe(1);
    expect(stack.servers()).toHaveLength(1);
    for (const connection of again) connection.close();
  });

  it("leaves no server behind, also when it died before it had recorded which", async () => {
    stack = standInStack();
    (await stack.connect()).close();
    const [supervisor, server] = [stack.supervisor(), stack.server()];
    kill(supervisor);
    const { name, program } = JSON.parse(readFileSync(stack.paths.server.record, "utf8"));
    for (const record of [JSON.stringify({ name, program }), "damaged"]) {
      writeFileSync(stack.paths.server.record, record);
      (await stack.connect()).close();
      await isGone(server);
      expect(stack.servers()).toEqual([stack.server()]);
      kill(stack.supervisor());
    }
  });

  it("does not make its successor end a stranger that has the server's number now", async () => {
    stack = standInStack();
    (await stack.connect()).close();
    const server = stack.server();
    kill(stack.supervisor());
    kill(server);
    const stranger = spawn("sleep", ["1000"]);
    onTestFinished(() => void stranger.kill("SIGKILL"));
    const record = JSON.parse(readFileSync(stack.paths.server.record, "utf8"));
    record.process.pid = stranger.pid;
    writeFileSync(stack.paths.server.record, JSON.stringify(record));
    (await stack.connect()).close();
    expect(processTable().find(stranger.pid ?? 0)?.command).toBe("sleep");
  });

  it("is followed on another address when its port was taken", async () => {
    stack = standInStack();
    const connection = await stack.connect();
    const server = stack.server();
    const supervisor = stack.supervisor();
    kill(supervisor);
    await isGone(supervisor);
    kill(server);
    await isGone(server);
    const port = Number(new URL(connection.bus.url).port);
    const taken = createServer().listen(port, "127.0.0.1");
    onTestFinished(() => void taken.close());
    await once(taken, "listening");
    const again = await connection.reconnect();
    expect(again.bus.url).not.toBe(connection.bus.url);
    again.close();
  });
});

describe("a nats-server that dies", () => {
  it("is started again on its port, and nobody loses the stack", async () => {
    stack = standInStack();
    const connection = await stack.connect();
    const server = stack.server();
    kill(server);
    await eventually(() => stack.server().pid).not.toBe(server.pid);
    await eventually(() => JSON.parse(readFileSync(stack.paths.server.record, "utf8")).port).toBe(
      Number(new URL(connection.bus.url).port),
    );
    expect((await connection.status()).phase).toBe("ready");
    expect(stack.servers()).toHaveLength(1);
    connection.close();
  });
});

it("a service that cannot go on ends the stack, and the next command starts another", async () => {
  stack = standInStack();
  const connection = await stack.connect();
  const supervisor = stack.supervisor();
  stack.set({ failNow: errorRecord(new PitayaError("internal", "it is broken")) });
  expect(await connection.ended).toEqual({ reason: "failed", interrupted: [] });
  await isGone(supervisor);
  expect(stack.calls().at(-1)).toBe("stop leave");
  expect(stack.servers()).toEqual([]);
  stack.set({});
  (await connection.reconnect()).close();
});
