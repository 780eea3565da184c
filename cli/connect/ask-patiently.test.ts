import { PitayaError } from "@pitaya/protocol";
import { expect, test } from "vitest";
import { askPatiently } from "./ask-patiently.ts";

test("who is not answered asks anew; who is refused does not, and neither who has waited long enough", async () => {
  const limits: number[] = [];
  const answers = ["bus_unavailable", "no_coordinator", undefined] as const;
  const heard = await askPatiently(60_000, async (timeoutMs) => {
    const code = answers[limits.push(timeoutMs) - 1];
    if (code !== undefined) throw new PitayaError(code, "nobody said anything");
    return "accepted";
  });
  expect(heard).toBe("accepted");
  expect(limits).toEqual([5_000, 5_000, 5_000]);

  let asked = 0;
  const refusing = askPatiently(60_000, async () => {
    asked += 1;
    throw new PitayaError("run_conflict", "another run");
  });
  await expect(refusing).rejects.toMatchObject({ code: "run_conflict" });
  const unheard = askPatiently(4_000, async () => {
    asked += 1;
    throw new PitayaError("no_coordinator", "nobody");
  });
  await expect(unheard).rejects.toMatchObject({ code: "no_coordinator" });
  expect(asked).toBe(2);
});
