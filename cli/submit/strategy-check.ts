import { type Base, missingPaths, type Repository } from "@pitaya/git";
import { PitayaError } from "@pitaya/protocol";
import type { ParsedParams } from "@pitaya/strategies";
import { printable } from "../output/printable.rules.ts";
import type { NamedFile } from "./named-files.ts";
import type { StrategyChoice } from "./strategy-choice.rules.ts";

/**
 * Has the strategy look at the run before it is submitted.
 *
 * @throws {PitayaError} `usage` with all it finds wrong
 */
export async function checkStrategy(
  { check, values, given, spec }: StrategyChoice,
  about: {
    readonly repo: Repository;
    readonly base: Base;
    readonly files: readonly NamedFile[];
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { repo, base, files, signal } = about;
  const texts = files.flatMap(({ name, use, content }) =>
    use === "strategy" ? [[name, new TextDecoder().decode(content)]] : [],
  );
  const problems = await check?.({
    params: values as ParsedParams,
    baseBranch: base.branch,
    files: Object.fromEntries(texts),
    missingPaths: (paths) => missingPaths(repo, base.commit, paths, signal),
  });
  if (problems === undefined || problems.length === 0) return;
  const lines = problems.map(
    ({ param, message }) => `${given.get(param)?.as ?? param}: ${message}`,
  );
  throw new PitayaError("usage", lines.map(printable).join("\n  "), {
    hint: `Strategy ${spec.name} was not begun, and nothing was submitted.`,
  });
}
