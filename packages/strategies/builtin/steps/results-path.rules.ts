/**
 * Where a report of the repository stands below a run's results: there, names are plain. Reports are
 * below `reports/` whether they are so in the repository or not.
 */
export function resultsPath(path: string): string {
  const parts = path
    .split("/")
    .filter((part) => part !== "" && part !== ".")
    .map((part) => part.replaceAll(/[^A-Za-z0-9._-]/g, "-").replace(/^\.+/, "") || "_");
  return parts[0] === "reports" ? parts.join("/") : ["reports", ...parts].join("/");
}
