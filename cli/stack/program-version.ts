import { createHash } from "node:crypto";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import manifest from "../package.json" with { type: "json" };
import type { ProgramVersion } from "./messages.ts";

/** What this program is, so that it can be told from another state of itself. */
export function programVersion(): ProgramVersion {
  // The bundler puts a text here, made from the content of all sources.
  const bundled = process.env["PITAYA_BUILD"];
  return { version: manifest.version, build: bundled || sourceBuild() };
}

/** Of a program that runs from its sources: their names, sizes and times of change. */
function sourceBuild(): string {
  const hash = createHash("sha256");
  const workspace = join(import.meta.dirname, "../..");
  for (const room of ["packages", "services", "cli"]) {
    addDirectory(join(workspace, room), (line) => hash.update(line));
  }
  return hash.digest("hex").slice(0, 12);
}

function addDirectory(directory: string, add: (line: string) => void): void {
  const entries = readdirSync(directory, { withFileTypes: true });
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    const path = join(directory, entry.name);
    if (entry.isDirectory() && entry.name !== "node_modules") addDirectory(path, add);
    if (entry.isFile() && /\.tsx?$/.test(entry.name) && !entry.name.includes(".test.")) {
      const { size, mtimeMs } = statSync(path);
      add(`${path}\0${size}\0${mtimeMs}\n`);
    }
  }
}
