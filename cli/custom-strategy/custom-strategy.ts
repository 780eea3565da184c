import { realpath, stat } from "node:fs/promises";
import { isAbsolute, join, resolve } from "node:path";
import { encodeStrategyBundle, openIsolate } from "@pitaya/isolate";
import { isPitayaError, PitayaError } from "@pitaya/protocol";
import { strategyNames } from "@pitaya/strategies";
import type { Session } from "../session.ts";
import { coercedParams } from "../submit/params-of.rules.ts";
import { choiceOf, type StrategyChoice } from "../submit/strategy-choice.rules.ts";
import { givenParams, oneSpelling } from "../submit/strategy-params.rules.ts";
import { nameIn, readStrategy, type StrategySource } from "./bundle-strategy.ts";
import { isNamedByFile, refuseUntrustedCode, repositoryCode } from "./repository-code.ts";
import { type CodeReference, chooseExport } from "./strategy-reference.rules.ts";

/**
 * A strategy of the user's own: bundled, loaded as a coordinator will load it, and its parameters
 * read by its own schema, before anything is submitted.
 *
 * @param root of the repository: paths and modules are looked for there first, then where the user is
 * @throws {PitayaError} `usage` for what cannot be found, read or loaded, or is no strategy, and for
 *   parameters it does not take; `untrusted` for code of the repository that a file names
 */
export async function customStrategy(
  session: Session,
  reference: CodeReference,
  root: string,
): Promise<StrategyChoice> {
  const { host, settings } = session;
  if (!settings.values["coordinator.allow_custom_code"]) {
    throw new PitayaError("usage", `${reference.from} is not run: custom code is not allowed`, {
      hint: "coordinator.allow_custom_code is false; `pitaya config print` shows where.",
    });
  }
  const read = await readStrategy(await findSource(reference, root, host));
  const code = repositoryCode(await realpath(root), read);
  const named = settings.chosen.get("strategy");
  if (code && named && isNamedByFile(settings)) {
    refuseUntrustedCode(code, session.configuration.gathered.trusted, named);
  }
  const { bundle } = read;
  const content = encodeStrategyBundle(bundle);
  const isolate = await loaded(openIsolate({ bundle, loadedAt: host.clock.now() }));
  try {
    const { strategies, others } = isolate;
    const found = chooseExport(strategies, others, bundle.file, reference.exportName);
    const { strategy: name, known, plugins, schema = {} } = found;
    refuseUnfitName(bundle.file, name);
    refuseTakenName(bundle.file, name);
    const given = givenParams({ name, known }, settings, session.values("set"));
    const params = coercedParams({ schema }, given);
    const checked = await loaded(isolate.check(strategies.indexOf(found), params));
    const issues = checked.issues.filter(
      ({ code, path }) => code !== "unrecognized_keys" || path.length > 0,
    );
    const about = { name, known, plugins, schema };
    const choice = choiceOf({ ...about, read: () => ({ ...checked, issues }) }, given);
    return { ...choice, code: { file: bundle.file, export: found.name, content } };
  } finally {
    isolate.close();
  }
}

const NAME = /^[A-Za-z0-9_-]{1,64}$/;

/** People type it, and find it in the names of branches. */
function refuseUnfitName(file: string, name: string): void {
  if (NAME.test(name)) return;
  throw new PitayaError("usage", `${file} calls its strategy ${JSON.stringify(name)}`, {
    hint: "A name has letters, digits, - and _, at most 64 in all.",
  });
}

/** Its results and the parameters of a file could not be told from those of the one we ship. */
function refuseTakenName(file: string, name: string): void {
  if (!strategyNames.includes(oneSpelling(name))) return;
  throw new PitayaError("usage", `${file} calls its strategy "${name}", as one of Pitaya's own`, {
    hint: `Give it a name of its own, such as \`name: "my-${name}"\`.`,
  });
}

/** What goes wrong here, before there is a run, is a mistake on the command line. */
async function loaded<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!isPitayaError(error, "strategy_failed")) throw error;
    const hint = error.hint === undefined ? {} : { hint: error.hint };
    throw new PitayaError("usage", `${error.message}, while it was loaded`, {
      ...hint,
      cause: error,
    });
  }
}

/** Where the code is. @throws {PitayaError} `usage` where there is none */
export async function findSource(
  { kind, from }: CodeReference,
  root: string,
  host: Pick<Session["host"], "cwd" | "home">,
): Promise<StrategySource> {
  const dirs = [...new Set([root, host.cwd])];
  if (kind === "module") return { name: from, at: { module: from, from: dirs }, root };
  const path = from.startsWith("~/") ? join(host.home, from.slice(2)) : from;
  const candidates = isAbsolute(path) ? [path] : dirs.map((dir) => resolve(dir, path));
  for (const file of candidates) {
    const found = await stat(file).catch(() => undefined);
    if (found?.isFile()) return { name: nameIn(root, file), at: { file }, root };
  }
  if (/^[^./~][^/]*\//.test(from)) return { name: from, at: { module: from, from: dirs }, root };
  throw new PitayaError("usage", `there is no strategy file ${from}`, {
    hint: `Looked for: ${candidates.join(", ")}`,
  });
}
