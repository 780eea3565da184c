import { printable, shorten } from "../output/printable.rules.ts";

const SIZES = new Set(["runner.memory_limit", "runner.disk_limit"]);
const UNITS = [
  ["g", 1024 ** 3],
  ["m", 1024 ** 2],
] as const;

/** A value as a person would write it, in one line. */
export function shownSetting(key: string, value: unknown): string {
  if (value === undefined) return "-";
  if (typeof value === "number" && SIZES.has(key)) {
    const [unit, bytes] = UNITS.find(([, each]) => value % each === 0) ?? ["", 1];
    return `${value / bytes}${unit}`;
  }
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text === "" ? '""' : shorten(printable(text), 200);
}
