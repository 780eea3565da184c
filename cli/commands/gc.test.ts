import { answer } from "@pitaya/bus";
import { memoryBroker } from "@pitaya/bus/testing";
import { type GcReport, ProcessId, subjects } from "@pitaya/protocol";
import { expect, onTestFinished, test } from "vitest";
import { memoryConnection } from "../testing/memory-connection.ts";
import { runPitaya } from "../testing/test-host.ts";

const runner = ProcessId.parse("host-1");
const clean: GcReport = { places: [{ ownerless: [], count: 0, removed: 0 }], silent: [] };
const left: GcReport = {
  places: [
    {
      ownerless: [{ kind: "upload", name: "u1.abc", bytes: 5, reason: "nobody's\u001b[2J" }],
      count: 1,
      removed: 1,
    },
    { runner, ownerless: [{ kind: "volume", name: "v", reason: "left" }], count: 2, removed: 2 },
  ],
  silent: [],
};

/** Runs the command against a coordinator that answers so. */
async function gc(report: GcReport, ...argv: readonly string[]) {
  const broker = memoryBroker();
  const asked: boolean[] = [];
  const about = { epoch: () => 1 };
  const gcSubject = [subjects.api.of({ verb: "gc" })];
  const stop = answer(broker.connect("coord"), "gc", gcSubject, about, async ({ remove }) => {
    asked.push(remove);
    return report;
  });
  onTestFinished(stop);
  const connection = async () => memoryConnection(broker);
  const ended = await runPitaya({ argv: ["gc", ...argv], cwd: "/", tmpdir: "/", connection });
  return { ...ended, asked };
}

test("gc removes, and says what and where", async () => {
  const found = await gc(left);
  expect(found).toMatchObject({ code: 0, asked: [true] });
  expect(found.stdout).toContain("store          upload  u1.abc");
  expect(found.stdout).toContain("runner host-1  volume  v");
  expect(found.stdout).toContain("and 1 more");
  expect(found.stdout).toContain("looked at: store, runner host-1");
  expect(found.stdout).toContain("removed 3 of 3");
  expect(found.stdout).not.toContain("\u001b");
  expect(await gc(clean)).toMatchObject({ code: 0, stdout: expect.stringContaining("an owner") });
});

test("gc --verify removes nothing, and fails for what it finds and for whom it cannot ask", async () => {
  expect(await gc(clean, "--verify")).toMatchObject({ code: 0, asked: [false] });
  expect(await gc(left, "--verify")).toMatchObject({ code: 1, asked: [false] });
  const silent = await gc({ ...clean, silent: [runner] }, "--verify");
  expect(silent).toMatchObject({ code: 1, stderr: expect.stringContaining("host-1") });
  expect(silent.stdout).toContain("incomplete: not looked at: runner host-1");
  const json = await gc(left, "--verify", "--json");
  expect(JSON.parse(json.stdout)).toEqual({ v: 1, ...left });
});

test("what could not be removed is a failure", async () => {
  const places = [{ ...left.places[0], removed: 0 }] as GcReport["places"];
  expect((await gc({ places, silent: [] })).code).toBe(1);
});
