import { createServer, type Server } from "node:net";
import { PROTOCOL_VERSION } from "@pitaya/protocol";
import { afterEach, describe, expect, it, onTestFinished } from "vitest";
import { hello } from "./messages.ts";
import { eventually, isGone, type StandInStack, standInStack } from "./stand-in/stand-in-stack.ts";

let stack: StandInStack;
afterEach(() => stack.remove());

const other = { version: "0.2.0", build: "b2" };
const live = "run_20260101_000000_aaaaaaaa";

describe("a stack of another build", () => {
  it("is replaced when nothing needs it", async () => {
    stack = standInStack();
    const old = await stack.connect();
    await old.release();
    const supervisor = stack.supervisor();
    const connection = await stack.connect({ program: other });
    expect(await connection.status()).toMatchObject(other);
    expect(await old.ended).toEqual({ reason: "replaced", interrupted: [] });
    await isGone(supervisor);
    connection.close();
  });

  it("is used while a run is live or a submit under way, and the way out is named", async () => {
    stack = standInStack();
    const old = await stack.connect();
    const notices: string[] = [];
    const connect = async () => {
      const options = { program: other, onNotice: (text: string) => notices.push(text) };
      const connection = await stack.connect(options);
      expect(await connection.status()).toMatchObject({ build: "b1" });
      connection.close();
    };
    await connect();
    stack.set({ liveRuns: [live] });
    await eventually(async () => (await old.status()).liveRuns).toBe(1);
    old.close();
    await connect();
    expect(notices).toHaveLength(2);
    expect(notices[1]).toContain("pitaya down --when-idle");
  });

  it("is replaced once, though ten commands of the new one come at the same moment", async () => {
    stack = standInStack();
    const old = await stack.connect();
    // Until then it counts as in use, and its closing takes a moment to be seen.
    await old.release();
    old.close();
    const connections = await Promise.all(
      Array.from({ length: 10 }, () => stack.connect({ program: other })),
    );
    const pids = await Promise.all(connections.map(async (c) => (await c.status()).pid));
    expect(new Set(pids)).toEqual(new Set([stack.supervisor().pid]));
    expect(stack.calls().filter((call) => call.startsWith("start"))).toHaveLength(2);
    for (const connection of connections) connection.close();
  });
});

describe("a supervisor that speaks otherwise", () => {
  /** Answers a hello with these lines. */
  async function speaker(lines: (own: object) => readonly unknown[]): Promise<Server> {
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", () => {
        const { type: _, ...own } = hello(other, "default");
        for (const line of lines({ ...own, pid: 1, startedAt: new Date().toISOString() })) {
          socket.write(`${typeof line === "string" ? line : JSON.stringify(line)}\n`);
        }
      });
    }).listen(stack.paths.socket);
    onTestFinished(() => void server.close());
    await new Promise((resolve) => server.once("listening", resolve));
    return server;
  }

  it("and is in use is refused, and the way out is named", async () => {
    stack = standInStack();
    const idle = { phase: "ready", attached: 0, submitting: 0, idleMs: 1 };
    await speaker((own) => [
      {
        type: "welcome",
        status: { ...own, ...idle, protocol: PROTOCOL_VERSION + 1, liveRuns: 1 },
      },
    ]);
    await expect(stack.connect()).rejects.toMatchObject({
      code: "version_skew",
      hint: expect.stringContaining("pitaya down --when-idle"),
    });
  });

  it.each([
    ["an answer of another shape", [{ type: "welcome", hallo: 1 }]],
    ["a message it does not know", [{ type: "greetings" }]],
  ])("by %s is refused", async (_, lines) => {
    stack = standInStack();
    await speaker(() => lines);
    await expect(stack.connect()).rejects.toMatchObject({ code: "version_skew" });
  });
});

describe("a supervisor", () => {
  it.each([
    ["nonsense", "no json at all\n"],
    ["something else than hello", '{"type":"request","id":1,"verb":"status"}\n'],
    ["a line without end", "x".repeat(2 * 1024 * 1024)],
  ])("hangs up on who says %s, and serves the others", async (_, text) => {
    stack = standInStack();
    const connection = await stack.connect();
    const { connect } = await import("node:net");
    const socket = connect(stack.paths.socket);
    socket.on("error", () => {});
    socket.write(text);
    await new Promise((resolve) => socket.once("close", resolve));
    expect(await connection.status()).toMatchObject({ phase: "ready", attached: 0 });
    connection.close();
  });

  it("raises the runner's slots while a run needs them", async () => {
    stack = standInStack();
    const connection = await stack.connect();
    await connection.raiseSlots(live, 12);
    stack.set({ liveRuns: [live] });
    await eventually(async () => (await connection.status()).liveRuns).toBe(1);
    await connection.release();
    expect(stack.calls().slice(1)).toEqual(["slots 12"]);
    stack.set({ liveRuns: [] });
    await eventually(() => stack.calls().slice(1)).toEqual(["slots 12", "slots 0"]);
    connection.close();
  });
});
