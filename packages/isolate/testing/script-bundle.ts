import type { StrategyBundle } from "../strategy-bundle.ts";

/**
 * A bundle made by hand, small enough to be loaded in no time.
 *
 * @param execute body of the strategy's `execute(input, ctx)`
 * @param before what runs while it is loaded
 */
export const scriptBundle = (execute: string, before = ""): StrategyBundle => ({
  v: 1,
  file: "mine.ts",
  code: `var pitayaBundle = (() => {
    class TaskFailed extends Error {
      constructor(failure) { super(failure.message); this.failure = failure; }
    }
    class KeyConflict extends Error {
      constructor(key) { super(key); this.key = key; }
    }
    ${before}
    const params = { shape: {}, safeParse: (data) => ({ success: true, data }) };
    const strategy = { name: "mine", params, async execute(input, ctx) { ${execute} } };
    return { TaskFailed, KeyConflict, exported: { default: strategy } };
  })();`,
});
