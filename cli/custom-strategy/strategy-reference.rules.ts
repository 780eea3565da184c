import { PitayaError } from "@pitaya/protocol";
import { nearest } from "../command-line/nearest.rules.ts";

/** What `--strategy` names: one that Pitaya ships, or somebody's own code and which export of it. */
export type StrategyReference = { readonly kind: "shipped"; readonly name: string } | CodeReference;

export interface CodeReference {
  readonly kind: "file" | "module";
  /** A path, or a module's name. */
  readonly from: string;
  readonly exportName?: string;
}

const SOURCE = /\.(?:[cm]?[jt]s|[jt]sx)$/;

/**
 * `./file.ts`, `file.ts:Export`, `package/module`, `package/module:Export`, or a name.
 *
 * @param shipped names of the strategies that need no code
 * @throws {PitayaError} `usage`
 */
export function strategyReference(text: string, shipped: readonly string[]): StrategyReference {
  if (shipped.includes(text)) return { kind: "shipped", name: text };
  const at = /:([^:/\\]*)$/.exec(text);
  const from = at === null ? text : text.slice(0, at.index);
  const exportName = at?.[1];
  if (from === "" || exportName === "") {
    throw new PitayaError("usage", `--strategy ${text} names no code`, { hint: FORMS });
  }
  // A file, or a module as Python calls it: package.module.
  if (
    from.endsWith(".py") ||
    (!SOURCE.test(from) && /^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$/.test(from))
  ) {
    throw new PitayaError("usage", `${from} is Python; strategies are TypeScript now`, {
      hint: 'docs/strategies.md, under "Moving a Python strategy", shows one beside the other.',
    });
  }
  const named = exportName === undefined ? {} : { exportName };
  const isPath = SOURCE.test(from) || /^(\.{0,2}\/|~)/.test(from);
  if (isPath) return { kind: "file", from, ...named };
  if (from.includes("/") || exportName !== undefined) return { kind: "module", from, ...named };
  const meant = nearest(text, shipped);
  const more = meant === undefined ? "" : `; did you mean ${meant}?`;
  throw new PitayaError("usage", `there is no strategy "${text}"${more}`, {
    hint: `strategies: ${shipped.join(", ")}. ${FORMS}`,
  });
}

const FORMS =
  "Code of your own: ./file.ts, ./file.ts:Export, package/module, package/module:Export, or package:Export; package:default is a package's only strategy.";

/** An export that is a strategy. */
export interface Exported {
  readonly name: string;
  readonly strategy: string;
  /** The name that the same strategy is exported by as well. */
  readonly aliasOf?: string | undefined;
}

/**
 * The export that is meant.
 *
 * @throws {PitayaError} `usage`, with those there are
 */
export function chooseExport<E extends Exported>(
  strategies: readonly E[],
  others: readonly { readonly name: string; readonly lacks?: string | undefined }[],
  file: string,
  exportName: string | undefined,
): E {
  const each = strategies.filter(({ aliasOf }) => aliasOf === undefined);
  const list = each.map(({ name }) => `${file}:${name}`).join(", ");
  if (exportName !== undefined) {
    const found = strategies.find(({ name }) => name === exportName);
    if (found) return found;
    const other = others.find(({ name }) => name === exportName);
    const what = other ? notOne(file, other) : `${file} exports no ${exportName}`;
    throw new PitayaError("usage", what, { hint: list === "" ? SHAPE : `It exports ${list}.` });
  }
  const [only, ...more] = each;
  if (only && more.length === 0) return only;
  if (only) {
    throw new PitayaError("usage", `${file} exports ${each.length} strategies`, {
      hint: `Say which: --strategy ${list}`,
    });
  }
  const meant = others.find(({ lacks }) => lacks !== undefined);
  const names = others.map(({ name }) => name).join(", ");
  const seen = names === "" ? "exports nothing" : `exports only ${names}`;
  const what = meant ? notOne(file, meant) : `${file} exports no strategy: it ${seen}`;
  throw new PitayaError("usage", what, { hint: SHAPE });
}

const notOne = (file: string, { name, lacks }: { name: string; lacks?: string | undefined }) =>
  `${name} of ${file} is no strategy${lacks === undefined ? "" : `: it lacks ${lacks}`}`;

const SHAPE =
  "A strategy is `export default defineStrategy({ name, params, async execute(input, ctx) { … } })`.";
