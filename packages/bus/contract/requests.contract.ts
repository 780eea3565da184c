import { PitayaError, subjects } from "@pitaya/protocol";
import { describe, expect, it } from "vitest";
import { answer, ask } from "../requests.ts";
import { aProcess, aRun, bytes, first, type Harness, text } from "./harness.ts";

const KEY = `X${"A".repeat(55)}`;

export function requestsContract(server: () => Harness): void {
  describe("requests", () => {
    it("brings back the answer", async () => {
      const coordinator = await server().connect("coordinator");
      const client = await server().connect("client");
      const subject = subjects.apiRun.of({ run: aRun(), verb: "stop" });
      const stop = coordinator.requests.serve([subject], async (to, payload) =>
        bytes(`${to}: ${text(payload)}`),
      );
      const answered = await client.requests.ask(subject, bytes("please"), 2_000);
      expect(text(answered)).toBe(`${subject}: please`);
      await stop();
    });

    it("asks on until somebody answers", async () => {
      const coordinator = await server().connect("coordinator");
      const client = await server().connect("client");
      const subject = subjects.apiRun.of({ run: aRun(), verb: "stop" });
      const asking = client.requests.ask(subject, bytes("anybody?"), 10_000);
      await server().pass(200);
      const stop = coordinator.requests.serve([subject], async () => bytes("here"));
      await server().pass(200);
      expect(text(await asking)).toBe("here");
      await stop();
    });

    it("says that nobody answers", async () => {
      const client = await server().connect("client");
      const subject = subjects.apiRun.of({ run: aRun(), verb: "stop" });
      const asking = expect(client.requests.ask(subject, bytes(""), 300)).rejects.toMatchObject({
        code: "no_coordinator",
      });
      await server().pass(301);
      await asking;
    });

    it("does not wait longer than it was told to", async () => {
      const coordinator = await server().connect("coordinator");
      const client = await server().connect("client");
      const subject = subjects.apiRun.of({ run: aRun(), verb: "stop" });
      const stop = coordinator.requests.serve([subject], (_, payload) =>
        text(payload) === "ready?" ? Promise.resolve(payload) : new Promise(() => {}),
      );
      await client.requests.ask(subject, bytes("ready?"), 5_000);
      const asking = expect(client.requests.ask(subject, bytes(""), 300)).rejects.toMatchObject({
        code: "bus_unavailable",
      });
      await server().pass(301);
      await asking;
      await stop();
    });

    it("answers no more once stopped", async () => {
      const coordinator = await server().connect("coordinator");
      const client = await server().connect("client");
      const subject = subjects.apiRun.of({ run: aRun(), verb: "stop" });
      const stop = coordinator.requests.serve([subject], async () => bytes("here"));
      await client.requests.ask(subject, bytes(""), 2_000);
      await stop();
      const asking = expect(client.requests.ask(subject, bytes(""), 300)).rejects.toMatchObject({
        code: "no_coordinator",
      });
      await server().pass(301);
      await asking;
    });

    it("carries typed requests, refusals, and answers to what cannot be read", async () => {
      const coordinator = await server().connect("coordinator");
      const client = await server().connect("client");
      const id = aProcess("coordinator");
      const subject = subjects.apiKeys.of({ coordinator: id });
      let refuse = false;
      const refused: string[] = [];
      const stop = answer(
        coordinator,
        "keys",
        [subject],
        { epoch: () => 7, refused: (_, error) => refused.push(error.code) },
        async () => {
          if (refuse) throw new PitayaError("stale_epoch", "Too late.", { hint: "Ask another." });
          return { curveKey: KEY };
        },
      );
      expect(await ask(client, "keys", subject, { v: 1 }, 2_000)).toEqual({
        epoch: 7,
        value: { curveKey: KEY },
      });
      refuse = true;
      await expect(ask(client, "keys", subject, { v: 1 }, 2_000)).rejects.toMatchObject({
        code: "stale_epoch",
        message: "Too late.",
        hint: "Ask another.",
      });
      const nonsense = await client.requests.ask(subject, bytes("nonsense"), 2_000);
      expect(JSON.parse(text(nonsense))).toMatchObject({
        ok: false,
        epoch: 7,
        error: { code: "malformed_message" },
      });
      expect(refused).toEqual(["stale_epoch", "malformed_message"]);
      await stop();
    });
  });

  describe("the connection", () => {
    it("tells how it is, and that it was closed", async () => {
      const bus = await server().connect(aProcess("process"));
      const { signal } = new AbortController();
      expect(await first(bus.status(signal), 1)).toEqual(["connected"]);
      const told = first(bus.status(signal), 2);
      await bus.close();
      expect(await told).toEqual(["connected", "closed"]);
    });
  });
}
