import { access, realpath } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { PitayaError } from "@pitaya/protocol";
import { nearest } from "../command-line/nearest.rules.ts";
import type { Invocation } from "../command-line/parse.rules.ts";
import type { Host } from "../host.ts";
import { printable, shorten } from "../output/printable.rules.ts";
import { type Dotenv, parseDotenv } from "./dotenv.rules.ts";
import { VARIABLE_NAMES, variableValues } from "./from-env.rules.ts";
import { flagLayer } from "./from-flags.rules.ts";
import type { Given, Layer, LayerFile } from "./layers.ts";
import { type OwnWord, ownWord } from "./own-word.rules.ts";
import { liesIn, readSettingsFile, type SettingsFile, shownFrom } from "./settings-file.ts";
import { ownDirectory, type TrustedFiles, trustedFiles } from "./trusted-files.ts";
import { type Variables, variablesFrom } from "./variables.rules.ts";

type Surroundings = Pick<Host, "env" | "home" | "cwd" | "random">;

/** Everything an invocation was told, by whatever way. */
export interface Gathered {
  /** Of the working tree the command is about, links resolved; undefined outside of any. */
  readonly root: string | undefined;
  /** The first one holds first. */
  readonly layers: readonly Layer[];
  /** What the user's own files say, whatever goes before them. */
  readonly own: OwnWord;
  readonly variables: Variables;
  readonly warnings: readonly string[];
  /** Files of the repository, whether they are trusted or not. */
  readonly repositoryFiles: readonly (SettingsFile & { readonly layer: Layer })[];
  readonly trusted: TrustedFiles;
}

/**
 * Reads flags, environment, `.env`, the project's file and the user's own.
 *
 * @throws {PitayaError} `usage` for a file that is not understood
 */
export async function gatherLayers(
  invocation: Pick<Invocation, "flags" | "command">,
  host: Surroundings,
): Promise<Gathered> {
  const { env, cwd } = host;
  const value = (flag: "repo" | "config") => invocation.flags.get(flag)?.at(-1);
  const root = await repositoryRoot(resolve(cwd, value("repo") ?? "."));
  const [dotenvFile, projectFile, trusted, ...globalFiles] = await Promise.all([
    root === undefined ? undefined : readSettingsFile(join(root, ".env"), { cwd, inside: root }),
    projectSettings(cwd, root, value("config")),
    trustedFiles(host),
    readSettingsFile(join(ownDirectory(host), "config.yaml"), { cwd }),
    readSettingsFile(join(host.home, ".pitaya", "config.yaml"), { cwd }),
  ]);
  // The user's own file is that also where the home is a repository.
  const layerFile = (file: SettingsFile, source: Layer["source"]): LayerFile => {
    const inside = source !== "global" && root !== undefined && liesIn(root, file.path);
    return { path: file.path, shown: file.shown, ...(inside && { trust: trusted.of(file) }) };
  };
  const warnings: string[] = [...strayVariables(env)];
  const repositoryFiles: (SettingsFile & { layer: Layer })[] = [];
  const keep = (file: SettingsFile, layer: Layer): Layer => {
    if (layer.file?.trust !== undefined) repositoryFiles.push({ ...file, layer });
    return layer;
  };

  const asEnv = (name: string) => ({ as: name });
  const layers: Layer[] = [
    flagLayer(invocation),
    { source: "env", values: variableValues(env, asEnv) },
  ];
  let dotenv: { layer: Layer; variables: Dotenv["variables"]; as: typeof asEnv } | undefined;
  if (dotenvFile !== undefined) {
    const read = parseDotenv(dotenvFile.text);
    const as = placeIn(dotenvFile, read);
    refuseStray(read.variables, as);
    const values = variableValues(read.variables, as);
    const layer = keep(dotenvFile, { source: ".env", values, file: layerFile(dotenvFile, ".env") });
    layers.push(layer);
    dotenv = { layer, variables: read.variables, as };
  }
  const files = [
    ...(projectFile === undefined ? [] : [["project", projectFile] as const]),
    ...globalFiles.flatMap((file) => (file === undefined ? [] : [["global", file] as const])),
  ];
  // Most have none, and need not load what reads it.
  if (files.length > 0) {
    const { readYamlSettings } = await import("./from-yaml.rules.ts");
    for (const [source, file] of files) {
      const read = readYamlSettings(file.text, file.shown);
      warnings.push(...read.warnings);
      layers.push(keep(file, { source, values: read.values, file: layerFile(file, source) }));
    }
  }
  return {
    root,
    layers,
    own: ownWord(layers),
    variables: variablesFrom(env, dotenv),
    warnings,
    repositoryFiles,
    trusted,
  };
}

/** The working tree that a directory lies in, links resolved. Git is not asked: nothing is run here. */
async function repositoryRoot(from: string): Promise<string | undefined> {
  const start = await realpath(from).catch(() => undefined);
  for (let at = start; at !== undefined; ) {
    const isRoot = await access(join(at, ".git")).then(
      () => true,
      () => false,
    );
    if (isRoot) return at;
    const above = dirname(at);
    at = above === at ? undefined : above;
  }
  return undefined;
}

async function projectSettings(
  cwd: string,
  root: string | undefined,
  named: string | undefined,
): Promise<SettingsFile | undefined> {
  if (named === undefined) {
    if (root === undefined) return undefined;
    return readSettingsFile(join(root, "pitaya.yaml"), { cwd, inside: root });
  }
  const path = resolve(cwd, named);
  // One that the repository only links to elsewhere is still the repository's choice.
  const parent = await realpath(dirname(path)).catch(() => dirname(path));
  const ofRepository = root !== undefined && (parent === root || liesIn(root, parent));
  const file = await readSettingsFile(path, { cwd, ...(ofRepository && { inside: root }) });
  if (file !== undefined) return file;
  throw new PitayaError("usage", `--config: there is no file ${shownFrom(cwd, path)}`);
}

const placeIn =
  (file: SettingsFile, { lineOf }: Dotenv) =>
  (name: string): Pick<Given, "as" | "line"> => {
    const line = lineOf(name);
    const shown = shorten(printable(name), 80);
    return line === undefined
      ? { as: `${file.shown}: ${shown}` }
      : { as: `${file.shown}:${line}: ${shown}`, line };
  };

const NESTED = /^PITAYA_(STRATEGIES|PLUGINS)__/;

/** @throws {PitayaError} `usage` for a variable that looks like a setting of ours and is none */
function refuseStray(
  variables: Dotenv["variables"],
  as: (name: string) => Pick<Given, "as">,
): void {
  const stray = Object.keys(variables).filter(
    (name) => name.startsWith("PITAYA_") && !VARIABLE_NAMES.includes(name) && !NESTED.test(name),
  );
  if (stray.length === 0) return;
  const problems = stray.map((name) => {
    const meant = nearest(name, VARIABLE_NAMES);
    const more = meant === undefined ? "" : `; did you mean ${meant}?`;
    return `${as(name).as} is no setting${more}`;
  });
  throw new PitayaError("usage", problems.join("\n  "), {
    hint: "docs/configuration.md has every setting. What is not one belongs into the environment.",
  });
}

/** The environment is shared with services of ours, which have variables of their own. */
function strayVariables(env: Host["env"]): readonly string[] {
  return Object.keys(env).flatMap((name) => {
    if (!/^PITAYA_[A-Z]+__/.test(name) || VARIABLE_NAMES.includes(name) || NESTED.test(name)) {
      return [];
    }
    const meant = nearest(name, VARIABLE_NAMES);
    return meant === undefined ? [] : [`${name} is no setting; did you mean ${meant}?`];
  });
}
