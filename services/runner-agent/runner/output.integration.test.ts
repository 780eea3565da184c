import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from "vitest";
import { readHeaders } from "../domain/output-headers.rules.ts";
import { type BaseRepository, baseRepository } from "../testing/base-repository.ts";
import { fakeExecutor } from "../testing/fake-executor.ts";
import { runnerHarness } from "../testing/runner-harness.ts";

// The machine may be busy; nothing here is timed by it.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let dir: string;
let base: BaseRepository;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "pitaya-output-base-"));
  base = await baseRepository(dir);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** What is published of an agent that writes these bytes. */
async function published(stdout: readonly Uint8Array[], stderr: readonly Uint8Array[] = []) {
  const executor = fakeExecutor({
    script: async (agent) => {
      for (let n = 0; n < Math.max(stdout.length, stderr.length); n += 1) {
        const [out, err] = [stdout[n], stderr[n]];
        if (out) agent.write("stdout", out);
        if (err) agent.write("stderr", err);
      }
      agent.write("stdout", "\ndone\n");
      return 0;
    },
  });
  const h = await runnerHarness({ executor, base });
  onTestFinished(() => h.close());
  await h.start();
  await h.order("one");
  const end = await h.fact("attempt.succeeded", "one");
  const messages = (await h.output("one")).map(({ headers, payload }) => ({
    head: readHeaders(headers),
    payload,
  }));
  const of = (stream: string) =>
    Buffer.concat(messages.filter(({ head }) => head?.stream === stream).map((m) => m.payload));
  return { end, messages, of };
}

it("is every byte of the agent's, whatever they are", async () => {
  const bytes = [
    Buffer.from("say plain\n"),
    new Uint8Array([0xff, 0xfe, 0x00, 0xc3]),
    new Uint8Array([0xa9, 0x0a]),
    Buffer.from("say é 😀\r\n"),
  ];
  const { of, messages, end } = await published(bytes, [Buffer.from("warn"), Buffer.from("ing\n")]);
  expect(of("stdout").equals(Buffer.concat([...bytes, Buffer.from("\ndone\n")]))).toBe(true);
  expect(of("stderr").toString()).toBe("warning\n");
  expect(end.finalMessage).toEqual({ inline: "" });
  for (const stream of ["stdout", "stderr"] as const) {
    let at = 0;
    for (const { head } of messages.filter(({ head }) => head?.stream === stream)) {
      expect(head?.offset).toBe(at);
      at = (stream === "stdout" ? head?.nextStdout : head?.nextStderr) ?? -1;
    }
    expect(at).toBe(of(stream).byteLength);
  }
});

it("takes a line of 10 MB, in messages of at most 256 KiB", async () => {
  const line = Buffer.alloc(10 * 1024 * 1024, "x");
  const { of, messages } = await published([line]);
  expect(of("stdout").byteLength).toBe(line.byteLength + "\ndone\n".length);
  expect(Math.max(...messages.map((m) => m.payload.byteLength))).toBeLessThanOrEqual(256 * 1024);
});

it("takes 200,000 lines without a message for each", async () => {
  const lines = Array.from({ length: 2_000 }, (_, n) =>
    Buffer.from(Array.from({ length: 100 }, (_, m) => `say ${n} ${m}\n`).join("")),
  );
  const { of, messages } = await published(lines);
  expect(of("stdout").equals(Buffer.concat([...lines, Buffer.from("\ndone\n")]))).toBe(true);
  expect(messages.filter(({ head }) => head).length).toBeLessThan(200);
}, 30_000);
