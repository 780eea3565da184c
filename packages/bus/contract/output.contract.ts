import { subjects } from "@pitaya/protocol";
import { describe, expect, it } from "vitest";
import { all, anInstance, aProcess, aRun, bytes, collect, type Harness, text } from "./harness.ts";

export function outputContract(server: () => Harness): void {
  const anAttempt = () =>
    subjects.output.of({
      runner: aProcess("runner"),
      run: aRun(),
      instance: anInstance(),
      attempt: "1",
    });

  describe("output", () => {
    it("keeps the order of what is published at once", async () => {
      const { output } = await server().connect("runner");
      const subject = anAttempt();
      const texts = Array.from({ length: 50 }, (_, i) => `line ${i}`);
      await Promise.all(texts.map((line) => output.publish(subject, bytes(line), {})));
      const read = await all(output.read([subject]));
      expect(read.map(({ payload }) => text(payload))).toEqual(texts);
    });

    it("keeps bytes and headers as they are", async () => {
      const { output } = await server().connect("runner");
      const subject = anAttempt();
      const payload = Uint8Array.from({ length: 256 }, (_, i) => i);
      const headers = { "Pitaya-Kind": "bytes", "Pitaya-Offset": "17" };
      await output.publish(subject, payload, headers);
      await output.publish(subject, new Uint8Array(), { "Pitaya-Kind": "empty" });
      const [one, two] = await all(output.read([subject]));
      expect(one?.headers).toEqual(headers);
      expect(Buffer.compare(one?.payload ?? bytes(""), payload)).toBe(0);
      expect([two?.headers, two?.payload.byteLength]).toEqual([{ "Pitaya-Kind": "empty" }, 0]);
      expect((await output.last(subject))?.sequence).toBe(two?.sequence);
    });

    it("is followed while it comes", async () => {
      const { output } = await server().connect("runner");
      const watcher = await server().connect("cli");
      const subject = anAttempt();
      const stop = new AbortController();
      const seen = collect(watcher.output.follow([subject], { signal: stop.signal }));
      await seen.until((items) => items.length === 1);
      await output.publish(subject, bytes("hello"), {});
      const [, message] = await seen.until((items) => items.length === 2);
      expect(message).toMatchObject({ subject });
      stop.abort();
    });
  });
}
