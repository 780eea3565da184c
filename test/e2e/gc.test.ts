import { randomBytes } from "node:crypto";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type Bus, natsBus, readCredential } from "@pitaya/bus";
import { testGit } from "@pitaya/git/testing";
import { buckets, type GcReport } from "@pitaya/protocol";
import Docker from "dockerode";
import { afterAll, beforeAll, expect, it } from "vitest";
import { leftOnEngine } from "../support/engine.ts";
import { branchesOf, processesOf, RUN_ID, type Running } from "../support/pitaya.ts";
import { embeddedStack, type Stack } from "../support/stack.ts";

const IMAGE = process.env["PITAYA_AGENTS_IMAGE"] ?? "pitaya-agents:latest";

let stack: Stack;
beforeAll(async () => {
  stack = await embeddedStack();
});
afterAll(() => stack.leave());

const pitaya = async (...args: readonly string[]) =>
  stack.user.run(args, { cwd: await stack.directory() });

/** What `gc` says: kinds and places of what it found. */
async function gc(...flags: readonly string[]) {
  const { code, stdout, stderr } = await pitaya("gc", "--json", ...flags);
  expect(stderr).not.toContain("warning");
  const report: GcReport = JSON.parse(stdout);
  const found = report.places.flatMap(({ runner, ownerless }) =>
    ownerless.map(({ kind }) => `${runner === undefined ? "store" : "host"} ${kind}`),
  );
  const removed = report.places.reduce((sum, place) => sum + place.removed, 0);
  return { code, found: found.toSorted(), removed, places: report.places.length };
}
const CLEAN = { code: 0, found: [], removed: 0, places: 2 };

/** The stack's files: where its bus is, who administers it, and what its runner keeps. */
async function inside() {
  const status = JSON.parse((await pitaya("status", "--json")).stdout);
  const files = await readdir(stack.user.stateDir, { recursive: true });
  const file = (pattern: RegExp) =>
    join(
      stack.user.stateDir,
      files.find((each) => pattern.test(each)) ?? expect.fail(`${pattern}`),
    );
  const runnerFile = file(/(^|\/)runner-local-[0-9a-f]+\.json$/);
  return {
    natsUrl: String(status.stack.natsUrl),
    admin: await readCredential(file(/(^|\/)admin-admin\.json$/)),
    cli: await readCredential(file(/(^|\/)cli-cli\.json$/)),
    runner: basename(runnerFile, ".json").replace(/^runner-/, ""),
    runnerDir: join(dirname(dirname(runnerFile)), "runner"),
  };
}

/** Ends a command in the middle of sending its base. @returns the blob that it did not finish */
async function killInUpload(bus: Bus): Promise<string> {
  const cwd = await stack.repository();
  await writeFile(join(cwd, "large.bin"), randomBytes(48 * 1024 ** 2));
  await testGit(cwd, ["add", "."]);
  await testGit(cwd, ["commit", "--quiet", "--message=large"]);
  const run = stack.user.start(["add a greeting", "--no-tui"], { cwd });
  for (;;) {
    const begun = (await bus.upkeep.blobs()).find(({ whole }) => !whole);
    if (begun === undefined) continue;
    // The launcher and the command itself, at once.
    for (const { pid, command } of await processesOf(stack.user)) {
      if (pid === run.process.pid || command.includes("add a greeting")) process.kill(pid, 9);
    }
    await run.finished;
    return `${begun.writer}.${begun.sha256}`;
  }
}

it("leaves what a live run has, and after it there is nothing without an owner", async () => {
  const { user, model, modelFor, repository } = stack;
  const cwd = await repository();
  const script = [{ bash: "echo hello > hello.txt && git add . && git commit -qm hello" }];
  const { url, id } = modelFor([...script, { text: "done", beforeMs: 9_000 }] as never);
  const run = user.start(["add a greeting", "--no-tui", "--base-url", url], { cwd });
  const [runId] = await run.saw(RUN_ID);
  await model.requested(id, 2);
  expect(await gc()).toEqual(CLEAN);
  expect(run.process.exitCode).toBeNull();
  expect(await run.finished).toMatchObject({ code: 0 });
  expect(await branchesOf(cwd)).toHaveLength(1);
  expect(await leftOnEngine([runId])).toEqual([]);
  const verified = await user.run(["verify", runId], { cwd });
  expect(verified).toMatchObject({ code: 0, stdout: expect.stringContaining("no violation") });
  expect(await gc("--verify")).toEqual(CLEAN);
});

it("finds what was left by hand and by a command killed in an upload, removes it, and it is gone", async () => {
  const { natsUrl, admin, cli, runner, runnerDir } = await inside();
  const [bus, client] = await Promise.all(
    [admin, cli].map((user) => natsBus({ servers: natsUrl, name: user.id, user })),
  );
  if (bus === undefined || client === undefined) throw new Error("no bus");
  try {
    const upload = await killInUpload(bus);
    // The pin lapses an hour after its writer died.
    expect(await gc("--verify")).toEqual(CLEAN);
    await client.bucket(buckets.pins).delete(upload);
  } finally {
    await Promise.all([bus.close(), client.close()]);
  }
  const engine = new Docker();
  const nonce = randomBytes(4).toString("hex");
  const name = `pitaya-${runner}-${nonce}`;
  const labels = { "pitaya.managed": "true", "pitaya.runner": runner };
  const attempt = {
    "pitaya.run": `run_20260101_000000_${nonce}`,
    "pitaya.instance": "0123456789abcdef",
    "pitaya.attempt": "1",
  };
  await engine.createVolume({ Name: `${name}-half`, Labels: { ...labels, "pitaya.role": "pack" } });
  await engine.createVolume({ Name: `${name}-work`, Labels: { ...labels, ...attempt } });
  await engine.createNetwork({ Name: name, Labels: labels });
  await engine.createContainer({
    name,
    Image: IMAGE,
    Cmd: ["true"],
    Labels: { ...labels, ...attempt },
  });
  await mkdir(join(runnerDir, "attempts", `${attempt["pitaya.run"]}.0123456789abcdef.1`));

  const left = [
    ...["container", "directory", "network", "pack", "volume"].map((kind) => `host ${kind}`),
    "store upload",
  ];
  expect(await gc("--verify")).toEqual({ code: 1, found: left, removed: 0, places: 2 });
  expect(await gc()).toEqual({ code: 0, found: left, removed: 6, places: 2 });
  expect(await gc("--verify")).toEqual(CLEAN);
});

it("keeps what is there when stack and command are killed, with the attempt claimed and with it at work", async () => {
  const { user, model, modelFor, repository } = stack;
  const cwd = await repository();
  const { url, id } = modelFor("okslow");
  const killAll = async (command: Running) => {
    for (const { pid, command } of await processesOf(user)) {
      if (!command.includes("nats-server")) process.kill(pid, "SIGKILL");
    }
    await command.finished;
  };
  const run = user.start(["add a greeting", "--no-tui", "--base-url", url], { cwd });
  const [runId] = await run.saw(RUN_ID);
  const events = user.start(["events", runId, "-f"], { cwd });
  await events.saw(/attempt\.claimed/);
  await killAll(run);
  await events.finished;
  expect(await gc("--verify")).toEqual(CLEAN);

  const attached = user.start(["attach", runId, "--no-tui"], { cwd });
  await model.requested(id, 1);
  await killAll(attached);
  expect(await gc()).toEqual(CLEAN);

  expect(await user.run(["attach", runId, "--no-tui"], { cwd })).toMatchObject({ code: 0 });
  expect(await branchesOf(cwd)).toHaveLength(1);
  expect(await leftOnEngine([runId])).toEqual([]);
  expect(await user.run(["verify", runId], { cwd })).toMatchObject({ code: 0 });
  expect(await gc("--verify")).toEqual(CLEAN);
});
