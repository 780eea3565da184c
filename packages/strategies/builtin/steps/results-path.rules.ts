/** Of a path below a run's results. */
const MAX_LENGTH = 200;

/**
 * Where a report of the repository stands below a run's results: there, names are plain. Reports are
 * below `reports/` whether they are so in the repository or not; of a path that is too long the end
 * is kept.
 */
export function resultsPath(path: string): string {
  const named = path
    .split("/")
    .filter((part) => part !== "" && part !== ".")
    .map((part) => part.replaceAll(/[^A-Za-z0-9._-]/g, "-").replace(/^\.+/, "") || "_");
  const parts = named[0] === "reports" ? named.slice(1) : named;
  const room = MAX_LENGTH - "reports/".length;
  while (parts.length > 1 && parts.join("/").length > room) parts.shift();
  return `reports/${parts.join("/").slice(-room).replace(/^\.+/, "")}`;
}
