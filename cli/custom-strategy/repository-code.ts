import { createHash } from "node:crypto";
import { PitayaError } from "@pitaya/protocol";
import { printable } from "../output/printable.rules.ts";
import type { Trust } from "../settings/layers.ts";
import type { Resolved } from "../settings/resolve.rules.ts";
import type { TrustedFiles } from "../settings/trusted-files.ts";
import type { ReadStrategy } from "./bundle-strategy.ts";

/** A strategy's code, as much of it as lies in the repository. */
export interface RepositoryCode {
  /** As the strategy is called. */
  readonly name: string;
  /** Relative to the repository's root, packages' files left out. */
  readonly files: readonly string[];
  /** How many files of packages there are beside them. */
  readonly packageFiles: number;
  /** What stands for all of it in the record of what the user trusts. */
  readonly record: { readonly path: string; readonly sha256: string };
}

/** @param root of the repository, links resolved. @returns undefined where none of it lies there */
export function repositoryCode(
  root: string,
  { bundle, files }: ReadStrategy,
): RepositoryCode | undefined {
  if (files.length === 0) return undefined;
  const lines = files.map(({ path, sha256 }) => JSON.stringify([path, sha256])).toSorted();
  const own = files.filter(({ path }) => !path.split("/").includes("node_modules"));
  return {
    name: bundle.file,
    files: own.map(({ path }) => path).toSorted(),
    packageFiles: files.length - own.length,
    record: {
      path: `${root}: strategy ${bundle.file}`,
      sha256: createHash("sha256").update(lines.join("\n")).digest("hex"),
    },
  };
}

/** Whether it was a file, and not the user at the command line, that named the strategy. */
export function isNamedByFile({ chosen }: Pick<Resolved, "chosen">): boolean {
  const source = chosen.get("strategy")?.layer.source;
  return source !== undefined && source !== "flag" && source !== "env";
}

/**
 * Code that a file names holds only once the user has said yes to it as it is: his yes to the file
 * was none to what the code is later made to do.
 *
 * @throws {PitayaError} `untrusted`
 */
export function refuseUntrustedCode(
  { name, record }: RepositoryCode,
  trusted: Pick<TrustedFiles, "of">,
  { as, value }: { readonly as: string; readonly value: unknown },
): void {
  const trust: Trust = trusted.of(record);
  if (trust === "trusted") return;
  const changed =
    trust === "changed" ? ": it, or what it imports, changed since you trusted it" : "";
  const message = `${as} names the code ${printable(name)} of this repository, which is not trusted${changed}`;
  throw new PitayaError("untrusted", message, {
    hint: `\`pitaya trust\` shows its files, and accepts them; --yes does not. \`--strategy ${printable(String(value))}\` is your own word, and needs none.`,
  });
}
