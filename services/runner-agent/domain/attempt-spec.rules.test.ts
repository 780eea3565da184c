import { BundleRef, DEFAULT_LIMITS } from "@pitaya/protocol";
import { describe, expect, it } from "vitest";
import { sampleBundle, sampleTask } from "../testing/sample-task.ts";
import { attemptSpecOf, endpointOf, openedEndpoint, verifyCommand } from "./attempt-spec.rules.ts";

const own = new Set(["host.docker.internal", "172.17.0.1"]);

it.each([
  ["http://10.0.0.1:8080/v1", { host: "10.0.0.1", port: 8080 }],
  ["http://model.example", { host: "model.example", port: 80 }],
  ["https://model.example/x", { host: "model.example", port: 443 }],
  ["http://[::1]:9/", { host: "::1", port: 9 }],
])("%s is %o", (url, endpoint) => {
  expect(endpointOf(url)).toEqual(endpoint);
});

it("opens a port of this host for a task where every task may, and of no other host", () => {
  const open = (url: string | undefined) => openedEndpoint(url, "as-tasks-ask", own);
  expect(open("http://host.docker.internal:8080/v1")).toEqual({
    host: "host.docker.internal",
    port: 8080,
  });
  expect(open("http://172.17.0.1:8080")).toEqual({ host: "172.17.0.1", port: 8080 });
  expect(open("https://api.example:443")).toBeUndefined();
  expect(open(undefined)).toBeUndefined();
});

it("opens elsewhere what the operator has listed, address and port", () => {
  const listed = [{ host: "172.17.0.1", port: 8080 }];
  expect(openedEndpoint("http://172.17.0.1:8080/v1", listed, own)).toEqual(listed[0]);
  expect(openedEndpoint("http://172.17.0.1:22", listed, own)).toBeUndefined();
  expect(openedEndpoint("http://host.docker.internal:8080", listed, own)).toBeUndefined();
});

const task = sampleTask();

const parts = {
  name: { runId: "r", instanceId: "i", attempt: 2 },
  task,
  imageId: "sha256:1",
  command: { argv: ["line"], env: {} },
  limits: {
    ...DEFAULT_LIMITS,
    finalGraceMs: 1,
    killGraceMs: 1,
    harvestTimeoutMs: 1,
    collectTimeoutMs: 1,
    goneTimeoutMs: 1,
    pauseMaxMs: 600_000,
  },
  openHostEndpoint: undefined,
  hostCpus: 4,
  files: [],
  resumed: undefined,
};

it("begins at the snapshot's commit, over the base's packs, and harvests from the base", () => {
  const restored = { session: [], patchPath: "/patch" };
  const resumed = {
    sessionId: "s1",
    commit: "b".repeat(40),
    bundle: BundleRef.parse(sampleBundle("b")),
    restored,
  };
  expect(attemptSpecOf({ ...parts, resumed })).toMatchObject({
    workspace: { commit: "b".repeat(40), packs: ["b".repeat(64), "a".repeat(64)] },
    base: "a".repeat(40),
    restored,
  });
  const fresh = attemptSpecOf(parts);
  expect(fresh.workspace).toMatchObject({ commit: "a".repeat(40), packs: ["a".repeat(64)] });
  expect(fresh).not.toHaveProperty("base");
  expect(fresh).not.toHaveProperty("restored");
});

describe("included branches", () => {
  const source = (branch: string, ...digits: readonly string[]) => ({
    branch,
    commit: (digits[0] ?? "").repeat(40),
    bundles: digits.map(sampleBundle),
  });
  const workspaceOf = (includes: readonly object[]) =>
    attemptSpecOf({ ...parts, task: sampleTask({ includes }) }).workspace;

  it("are beside the base, with what holds them, each pack once", () => {
    const { branch, includes, packs } = workspaceOf([
      source("feature", "b", "a"),
      source("other", "c", "b", "a"),
      source("main", "a"),
    ]);
    expect(branch).toBe("main");
    expect(includes).toEqual([
      { branch: "feature", commit: "b".repeat(40) },
      { branch: "other", commit: "c".repeat(40) },
    ]);
    expect(packs).toEqual(["a", "b", "c"].map((digit) => digit.repeat(64)));
  });

  it("are not two of one name", () => {
    for (const twice of [[source("main", "b")], [source("x", "b"), source("x", "c")]]) {
      expect(() => workspaceOf(twice)).toThrow(
        expect.objectContaining({ code: "task_unsupported" }),
      );
    }
  });
});

it("has the environment of its task, under that of its plugin", () => {
  const spec = attemptSpecOf({
    ...parts,
    task: sampleTask({ env: { CI: "1", MODE: "task" } }),
    command: { argv: ["line"], env: { MODE: "plugin" } },
  });
  expect(spec.env).toEqual({ CI: "1", MODE: "plugin" });
});

it("is refused with less than any container can have", () => {
  for (const [name, least] of [
    ["cpus", 0.01],
    ["memoryBytes", 6 * 1024 ** 2],
  ] as const) {
    const task = (value: number) => sampleTask({ limits: { ...DEFAULT_LIMITS, [name]: value } });
    expect(() => attemptSpecOf({ ...parts, task: task(least / 2) })).toThrow(
      expect.objectContaining({ code: "task_unsupported", message: expect.stringContaining(name) }),
    );
    expect(attemptSpecOf({ ...parts, task: task(least) }).limits[name]).toBe(least);
  }
});

it("brings nothing home from a check, whose files are put over its workspace", () => {
  const verify = { command: "make check", files: [] };
  const files = [{ path: "x", bytes: new Uint8Array(), isExecutable: false }];
  const command = verifyCommand(verify);
  const spec = attemptSpecOf({ ...parts, task: sampleTask({ verify }), command, files });
  expect(spec).toMatchObject({ discards: true, files, readOnly: false });
  expect(spec.argv).toEqual(["sh", "-c", "exec 2>&1\nmake check"]);
});
