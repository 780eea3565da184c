/** First parts of the paths that Pitaya's own files have below `results/<run>/`. */
export const RESERVED_RESULTS = [
  "summary.json",
  "summary.md",
  "metadata.json",
  "branches.txt",
  "instance_metrics.csv",
  "metrics.csv",
  "strategy_output",
  "instances",
] as const;

/** Whether a file by this path would stand in place of one of ours, also where case does not count. */
export const isReservedResult = (path: string): boolean =>
  RESERVED_RESULTS.some((name) => name === path.split("/", 1)[0]?.toLowerCase());
