import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Every executable of that name, in the order of PATH; `/usr/sbin` is looked at too. */
export function findPrograms(name: string, env: NodeJS.ProcessEnv = process.env): string[] {
  const dirs = [...(env["PATH"] ?? "").split(delimiter).filter(Boolean), "/usr/sbin", "/sbin"];
  return [...new Set(dirs.map((dir) => join(dir, name)))].filter(isExecutable);
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
