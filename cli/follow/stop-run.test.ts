import { manualClock } from "@pitaya/actors/clock";
import { PitayaError } from "@pitaya/protocol";
import { expect, test } from "vitest";
import { lastWords, stopWish } from "./stop-run.ts";

function wishing(answers: readonly (PitayaError | undefined)[]) {
  const clock = manualClock(0);
  const said: string[] = [];
  const say = async (text: string) => void said.push(text);
  const ending = new AbortController();
  const asked: (() => void)[] = [];
  let tries = 0;
  const wish = stopWish({
    ...{ run: "run_1", clock, signal: ending.signal, console: { note: say, problem: say } },
    async stop() {
      const answer = answers[tries];
      tries += 1;
      asked.shift()?.();
      if (answer) throw answer;
    },
  });
  return { wish, clock, said, ending, tries: () => tries };
}

const nobody = new PitayaError("no_coordinator", "Nobody answers.");

test("who is not heard asks again until somebody answers, and says both", async () => {
  const { wish, clock, said, tries } = wishing([nobody, nobody, undefined]);
  const pursued = wish.pursue();
  for (const told of [1, 2]) {
    await expect.poll(tries).toBe(told);
    expect(wish.isHeard).toBe(false);
    await expect.poll(() => clock.pending).toBe(1);
    clock.advance(1_000);
  }
  await pursued;
  expect(wish.isHeard).toBe(true);
  expect(said).toHaveLength(2);
  expect(said[0]).toContain("asked again until it answers");
  expect(said[1]).toContain("is told to stop now");
});

test("a refusal is final, and a run that has ended is asked nothing more", async () => {
  const refused = wishing([new PitayaError("unknown_run", "there is no such run")]);
  await refused.wish.pursue();
  expect(refused).toMatchObject({ said: [expect.stringContaining("could not be interrupted")] });
  expect(refused.tries()).toBe(1);

  const ended = wishing([nobody]);
  ended.ending.abort();
  await ended.wish.pursue();
  expect(ended.tries()).toBe(0);
});

test("the last words are true: who was not heard has stopped nothing", () => {
  expect(lastWords("run_1", true, true)).toContain("while it is being interrupted");
  expect(lastWords("run_1", false, true)).toMatch(/NOT .*may go on; `pitaya down`/);
  expect(lastWords("run_1", false, false)).toMatch(/NOT .*may go on; `pitaya attach run_1`/);
});
