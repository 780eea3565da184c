import { wholeLog } from "@pitaya/views/testing";
import { expect, it } from "vitest";
import { FOLD_VERSION, packRuns, unpackRuns } from "./checkpoint.ts";
import { foldedRun } from "./folded-run.ts";

const messages = wholeLog();
const RUN = "run_20260102_030405_0a1b2c3d";

function folded(upTo: number) {
  const run = foldedRun(RUN);
  for (const message of messages.slice(0, upTo)) run.take(message);
  return run;
}

it("a run that is frozen anywhere goes on as if it had not been", () => {
  const asJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
  const straight = asJson(folded(messages.length).freeze());
  for (let cut = 0; cut <= messages.length; cut += 1) {
    const [run] = unpackRuns(packRuns([folded(cut)]));
    const resolutions = messages.slice(cut).flatMap((message) => run?.take(message).resolutions);
    expect(asJson(run?.freeze())).toEqual(straight);
    expect(resolutions).toEqual(run?.history.slice(run.history.length - resolutions.length));
  }
});

it("what is frozen is that of this version: another form or meaning needs another number", async () => {
  const frozen = { version: FOLD_VERSION, run: folded(messages.length).freeze() };
  const text = `${JSON.stringify(frozen, null, 2)}\n`;
  await expect(text).toMatchFileSnapshot("samples/frozen-run.txt");
});
