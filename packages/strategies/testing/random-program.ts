import fc from "fast-check";
import { canonicalHash } from "../canonical-hash.ts";
import type { Program, Step } from "./program.ts";
import type { Script } from "./script.ts";

const place = fc.nat(7);
const places = fc.array(place, { minLength: 1, maxLength: 3 });

const { steps } = fc.letrec<{ step: Step; steps: Step[] }>((tie) => ({
  step: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    { weight: 4, arbitrary: fc.record({ do: fc.constant("run" as const), stacked: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("again" as const), of: place }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("wait" as const), of: place }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("waitAll" as const), of: places }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("race" as const), of: places }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("cancel" as const), of: place }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("rand" as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("now" as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("sleep" as const), ms: fc.nat(50) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("readFile" as const), of: place }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("loop" as const), body: tie("steps") }) },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant("fork" as const),
        bodies: fc.array(tie("steps"), { minLength: 1, maxLength: 3 }),
      }),
    },
  ) as fc.Arbitrary<Step>,
  steps: fc.array(tie("step"), { maxLength: 5 }),
}));

/** Programs that end, whatever their tasks do. */
export const anyProgram: fc.Arbitrary<Program> = fc
  .array(steps, { minLength: 1, maxLength: 4 })
  .map((parts) => parts.flat());

/** Answers that only seem arbitrary: the same task is always answered the same way. */
export const scriptOf =
  (seed: number): Script =>
  ({ key, prompt, readFile }) => {
    const chance = Number.parseInt(canonicalHash({ seed, key, prompt }).slice(0, 8), 16);
    // Few different times, so that several things come at once.
    const afterMs = (chance % 5) * 10;
    if (chance % 4 === 0) return { error: "agent_failed", afterMs };
    const files =
      chance % 3 === 0 ? {} : { files: { "a.txt": `${readFile("a.txt") ?? ""}+${key}` } };
    return { message: `did ${key}`, afterMs, ...files };
  };
