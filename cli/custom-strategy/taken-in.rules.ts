import { sep } from "node:path";

/**
 * Why a file is not taken into a bundle; undefined where it is. What a bundle takes in leaves this
 * machine, so a repository's code may take in its own files and packages, and nothing else of the
 * user's; nor what he keeps hidden beside them, such as keys.
 *
 * @param file absolute, links resolved
 * @param directories whose files belong to the code, links resolved
 */
export function refusedFile(file: string, directories: readonly string[]): string | undefined {
  const packages = `${sep}node_modules${sep}`;
  const inPackages = file.lastIndexOf(packages);
  const within =
    inPackages >= 0
      ? [file.slice(inPackages + packages.length)]
      : directories
          .filter((dir) => file.startsWith(dir + sep))
          .map((dir) => file.slice(dir.length));
  if (within.length === 0) return `${file} lies outside of the repository, and is not taken in`;
  if (within.some((path) => !path.split(sep).some((part) => part.startsWith(".")))) {
    return undefined;
  }
  return `${file} is hidden, by a name that begins with a dot, and is not taken in`;
}
