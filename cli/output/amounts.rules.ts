/** `45s`, `3m05s`, `1h02m`. */
export function durationText(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const pad = (n: number) => String(n).padStart(2, "0");
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m${pad(whole % 60)}s`;
  return `${Math.floor(whole / 3600)}h${pad(Math.floor((whole % 3600) / 60))}m`;
}

/** `950`, `12.3k`, `4.1M`. */
export function countText(count: number): string {
  if (count < 10_000) return String(count);
  return count < 1_000_000 ? `${(count / 1000).toFixed(1)}k` : `${(count / 1_000_000).toFixed(1)}M`;
}

/** What is known to be spent, and how many attempts nobody knows the cost of: never silently 0. */
export function costText(costUsd: number, unknown: number): string {
  const known = `$${costUsd < 1 ? costUsd.toFixed(4) : costUsd.toFixed(2)}`;
  if (unknown === 0) return known;
  if (costUsd === 0) return "unknown";
  return `${known} and ${unknown} ${unknown === 1 ? "attempt" : "attempts"} of unknown cost`;
}
