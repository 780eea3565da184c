import type { SeedResult } from "./one-seed.ts";

/** One line a seed, and how many were right. */
export function table(results: readonly SeedResult[]): string {
  const head = ["seed", "world", "run", "fault", "target", "point", "result", "seconds"];
  const rows = results.map(({ plan, wrong, seconds }) => [
    String(plan.seed),
    plan.world,
    plan.run,
    plan.fault,
    plan.target,
    `${plan.point.type} ${plan.point.n}`,
    wrong.length === 0 ? "right" : "WRONG",
    seconds.toFixed(1),
  ]);
  const widths = head.map((name, column) =>
    Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  const right = results.filter(({ wrong }) => wrong.length === 0).length;
  return [line(head), ...rows.map(line), `${right} of ${results.length} right`].join("\n");
}
