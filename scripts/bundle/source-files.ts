import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/** A file as it was when the bundle was made. The launcher compares size and time, not content. */
export type SourceMark = readonly [path: string, bytes: number, modifiedMs: number];

const roots = ["packages", "services", "cli", "scripts/bundle"];
const single = ["pnpm-lock.yaml", "docker/agents/versions.json"];

/** Everything that decides what the bundle holds, by paths below the clone's root, in order. */
export function sourceMarks(root: string): SourceMark[] {
  const found = roots.flatMap((dir) => walk(root, dir));
  return [...found, ...single].sort().map((path) => {
    const { size, mtimeMs } = statSync(join(root, path));
    return [path, size, mtimeMs];
  });
}

function walk(root: string, dir: string): string[] {
  return readdirSync(join(root, dir), { withFileTypes: true }).flatMap((entry) => {
    const path = `${dir}/${entry.name}`;
    if (entry.isDirectory()) return entry.name === "node_modules" ? [] : walk(root, path);
    return entry.isFile() && isSource(entry.name) ? [path] : [];
  });
}

function isSource(name: string): boolean {
  if (/\.(test|contract)\.tsx?$/.test(name)) return false;
  return /\.(tsx?|json)$/.test(name);
}
