import { mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ask, type Bus, natsBus, provision } from "@pitaya/bus";
import { start } from "@pitaya/coordinator";
import { fakeRunner, sampleRun, succeeded } from "@pitaya/coordinator/testing";
import { encodeStrategyBundle } from "@pitaya/isolate";
import {
  buckets,
  makeRunId,
  type RunSpec,
  runEvents,
  subjects,
  textExcerpt,
} from "@pitaya/protocol";
import { type RunView, runLog, runView } from "@pitaya/views";
import pino from "pino";
import { bundleStrategy } from "pitaya/testing";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { type NatsProcess, spawnNats } from "../support/nats-process.ts";

let dir: string;
let server: NatsProcess;
let client: Bus;
let runs = 0;

const connect = (name: string): Promise<Bus> =>
  natsBus({ servers: `nats://127.0.0.1:${server.port}`, name });

beforeAll(async () => {
  dir = await realpath(await mkdtemp(join(tmpdir(), "pitaya-own-strategy-")));
  server = await spawnNats(["-js", "-sd", join(dir, "js")], 0);
  const servers = `nats://127.0.0.1:${server.port}`;
  await provision({ servers, name: "admin", maxStoreBytes: 1024 ** 3 });
  client = await connect("cli");
});
afterAll(async () => {
  await client.close();
  await server.kill("SIGTERM");
  await rm(dir, { recursive: true, force: true });
});

async function coordinator(id: string, allowCustomCode?: boolean) {
  const bus = await connect(id);
  const more = allowCustomCode === undefined ? {} : { allowCustomCode };
  const log = pino({ level: process.env["LOG"] ?? "silent" });
  const started = start({ bus, id, version: "0.0.0", log, takeOver: true, ...more });
  await started.deciding;
  let isOpen = true;
  const stop = async () => {
    if (!isOpen) return;
    isOpen = false;
    await started.stop();
    await bus.close();
  };
  onTestFinished(stop);
  return stop;
}

async function runner(name: string) {
  const bus = await connect(name);
  const made = await fakeRunner(bus, name, 60_000);
  onTestFinished(async () => {
    made.stop();
    await bus.bucket(buckets.runners).delete(name);
    await bus.close();
  });
  return made;
}

const store = (bytes: Uint8Array) =>
  client.blobs.put(async function* () {
    yield bytes;
  });

/** Submits a run of the code in a file, as the cli would. */
async function submit(file: string, params: RunSpec["strategy"]["params"] = {}) {
  runs += 1;
  const source = { name: "mine.ts", at: { file }, root: dir };
  const blob = await store(encodeStrategyBundle(await bundleStrategy(source)));
  const code = { blob, file: "mine.ts", export: "default" };
  const base = await store(Buffer.from("bundle"));
  const plain = sampleRun({
    run: makeRunId(new Date(), runs.toString(16).padStart(8, "0")),
    strategy: { name: "mine", params, code },
  });
  const bundles = plain.base.bundles.map((bundle) => ({ ...bundle, blob: base }));
  const spec = { ...plain, base: { ...plain.base, bundles } };
  const subject = subjects.api.of({ verb: "submit" });
  await ask(client, "submit", subject, { v: 1, spec, secrets: [] }, 10_000);
  return spec.run;
}

async function until(run: string, condition: (view: RunView) => boolean): Promise<RunView> {
  const messages = runLog();
  const fold = runView();
  const stop = new AbortController();
  for await (const item of client.events.follow(runEvents(run), { signal: stop.signal })) {
    if ("caughtUp" in item) continue;
    for (const event of messages.admit(item)) fold.apply(event);
    if (condition(fold.view)) break;
  }
  stop.abort();
  return fold.view;
}

const twoStages = `
import { defineStrategy } from "@pitaya/strategies";
import { z } from "zod";
export default defineStrategy({
  name: "mine",
  params: z.object({ word: z.string() }),
  async execute({ prompt, params }, ctx) {
    const first = ctx.run({ prompt }, { key: "first" });
    await ctx.wait(first);
    const learned = [params.word, ctx.rand(), ctx.now(), Math.random(), Date.now()].join(" ");
    const second = ctx.run({ prompt: learned }, { key: "second" });
    await ctx.wait(second);
    return { status: "succeeded", tasks: [first.key, second.key], metadata: { learned } };
  },
});
`;

it("the code that was submitted goes on at another coordinator, with the same answers", async () => {
  const file = join(dir, "mine.ts");
  await writeFile(file, twoStages);
  const stop = await coordinator("coord-1");
  const worker = await runner("runner-1");
  const run = await submit(file, { word: "hello" });
  await (await worker.take()).tell(succeeded());
  const second = await worker.take();
  const learned = textExcerpt(second.start.task.prompt);
  expect(learned).toMatch(/^hello 0\.\d+ \d{13} 0\.\d+ \d{13}$/);

  await stop();
  // Whoever goes on has no use for the file.
  await writeFile(file, "throw new Error('changed');");
  await coordinator("coord-2");
  await second.tell(succeeded());
  const view = await until(
    run,
    ({ phase }) => !["submitted", "executing", "finalizing"].includes(phase),
  );
  expect(view.executions.get("s1")?.outcome).toMatchObject({
    status: "succeeded",
    metadata: { learned },
  });
});

const endless = `
import { z } from "zod";
export default { name: "mine", params: z.object({}), async execute() { while (true); } };
`;

it("code that misbehaves fails its own run and no other, and may be refused altogether", async () => {
  const file = join(dir, "bad.ts");
  await writeFile(file, endless);
  const good = join(dir, "good.ts");
  await writeFile(good, twoStages);
  const stop = await coordinator("coord-3");
  const worker = await runner("runner-3");
  const [bad, fine] = [await submit(file), await submit(good, { word: "fine" })];
  const failed = await until(bad, ({ phase }) => phase === "failed");
  expect(failed.executions.get("s1")?.outcome?.reason).toMatch(
    /mine\.ts runs on without ever waiting/,
  );
  await (await worker.take()).tell(succeeded());
  await (await worker.take()).tell(succeeded());
  await until(fine, ({ phase }) => phase === "succeeded");

  await stop();
  await coordinator("coord-4", false);
  await expect(submit(good, { word: "no" })).rejects.toMatchObject({
    ...{ code: "usage", message: expect.stringMatching(/takes no custom code/) },
  });
});
