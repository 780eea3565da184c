import type { OutputParser } from "@pitaya/plugins";

/** Reads nothing from the output of a check: what it printed is kept, and how it ended is told. */
export const checkParser = (): OutputParser => ({
  push: () => [],
  end: () => ({ records: [], result: {} }),
});
