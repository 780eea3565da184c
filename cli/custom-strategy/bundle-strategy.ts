import { createHash } from "node:crypto";
import { readFile, realpath } from "node:fs/promises";
import { isBuiltin } from "node:module";
import { dirname, isAbsolute, join, relative, sep } from "node:path";
import type { StrategyBundle } from "@pitaya/isolate";
import { PitayaError } from "@pitaya/protocol";
import type { BuildFailure, Message, Plugin } from "esbuild";
import { type AuthorModules, authorModules } from "./author-modules.ts";
import { refusedModule } from "./missing-module.rules.ts";
import { refusedFile } from "./taken-in.rules.ts";

/** The code that is to be bundled. */
export interface StrategySource {
  /** As the user calls it. */
  readonly name: string;
  /** A file, absolute; or a module's name, looked for from these directories in their order. */
  readonly at: { readonly file: string } | { readonly module: string; readonly from: string[] };
  /** Paths in messages are relative to this directory, as those of an author are. */
  readonly root: string;
}

/** A bundle, and what of the repository went into it. */
export interface ReadStrategy {
  readonly bundle: StrategyBundle;
  /** Each once, relative to the repository's root; other code's files are not among them. */
  readonly files: readonly { readonly path: string; readonly sha256: string }[];
}

/** As `readStrategy`, the bundle alone. */
export const bundleStrategy = async (source: StrategySource): Promise<StrategyBundle> =>
  (await readStrategy(source)).bundle;

/**
 * One script of a strategy's file and all it imports, of the repository or of npm. The same sources
 * make the same script, wherever they lie.
 *
 * @throws {PitayaError} `usage`, with file and line of everything that is wrong
 */
export async function readStrategy(source: StrategySource): Promise<ReadStrategy> {
  const { name, root } = source;
  const files = new Map<string, string>();
  // Loaded only where there is something to bundle: every start of `pitaya` would pay for it.
  const { build } = await import("esbuild");
  try {
    const { outputFiles } = await build({
      stdin: { contents: ENTRY, resolveDir: root, sourcefile: "pitaya-entry.js" },
      absWorkingDir: root,
      outfile: join(root, "pitaya-strategy.js"),
      write: false,
      bundle: true,
      format: "iife",
      globalName: "pitayaBundle",
      platform: "neutral",
      mainFields: ["module", "main"],
      target: "es2023",
      minifyWhitespace: true,
      minifySyntax: true,
      charset: "utf8",
      legalComments: "none",
      sourcemap: "external",
      sourcesContent: false,
      loader: { ".md": "text", ".txt": "text", ".yaml": "text", ".yml": "text" },
      define: { "process.env.NODE_ENV": '"production"' },
      logLevel: "silent",
      plugins: [ownFiles(source, authorModules(), files), modules(source, authorModules())],
    });
    const text = (ending: string) =>
      outputFiles.find(({ path }) => path.endsWith(ending))?.text ?? "";
    return {
      bundle: { v: 1, file: name, code: text(".js"), map: withoutPlaces(text(".map")) },
      files: [...files].map(([path, sha256]) => ({ path, sha256 })),
    };
  } catch (error) {
    if (!isBuildFailure(error)) throw error;
    const [first, ...more] = error.errors.map(messageOf);
    throw new PitayaError("usage", `strategy ${name} cannot be read: ${first}`, {
      ...(more.length === 0 ? {} : { hint: more.slice(0, 9).join("\n  ") }),
      cause: error,
    });
  }
}

const STRATEGY = "pitaya:strategy";

const ENTRY = `
export * as exported from "${STRATEGY}";
export { commonParams, KeyConflict, TaskFailed } from "@pitaya/strategies";
import * as zod from "zod";
export const toJSONSchema = zod.toJSONSchema;
`;

/** Says of each file whether it is taken in, and notes what of the repository was. */
function ownFiles(
  source: StrategySource,
  author: AuthorModules,
  noted: Map<string, string>,
): Plugin {
  return {
    name: "pitaya-own-files",
    setup(build) {
      build.onLoad({ filter: /.*/, namespace: "file" }, async ({ path }) => {
        const [file, [root = "", ...others]] = await Promise.all([
          realpath(path),
          ownDirectories(source, author),
        ]);
        const refused = refusedFile(file, [root, ...others]);
        if (refused !== undefined) return { errors: [{ text: refused }] };
        if (file.startsWith(root + sep)) {
          const sha256 = createHash("sha256")
            .update(await readFile(file))
            .digest("hex");
          noted.set(relative(root, file).split(sep).join("/"), sha256);
        }
        return undefined;
      });
    },
  };
}

function modules(source: StrategySource, author: AuthorModules): Plugin {
  return {
    name: "pitaya",
    setup(build) {
      build.onResolve({ filter: /^pitaya:strategy$/ }, async () => {
        const { at } = source;
        if ("file" in at) return { path: at.file };
        for (const resolveDir of at.from) {
          const found = await build.resolve(at.module, { kind: "import-statement", resolveDir });
          if (found.errors.length === 0) return found;
        }
        return { errors: [{ text: `there is no module ${at.module} in ${at.from.join(" or ")}` }] };
      });
      build.onResolve({ filter: /^@pitaya\/strategies(\/sdk)?$/ }, () => ({ path: author.sdk }));
      build.onResolve({ filter: /^zod(\/|$)/ }, async ({ path, kind, resolveDir, pluginData }) => {
        if (pluginData === LOOKED_FOR) return undefined;
        const look = { kind, pluginData: LOOKED_FOR };
        const theirs = await build.resolve(path, { ...look, resolveDir });
        if (theirs.errors.length === 0) return theirs;
        if ("file" in author.zod) return path === "zod" ? { path: author.zod.file } : undefined;
        return build.resolve(path, { ...look, resolveDir: author.zod.from });
      });
      build.onResolve({ filter: /^[^./]/ }, async ({ path, kind, resolveDir, pluginData }) => {
        if (pluginData === LOOKED_FOR || !isBuiltin(path)) return undefined;
        // A package of that name, such as `events`, may be there all the same.
        if (!path.startsWith("node:")) {
          const found = await build.resolve(path, { kind, resolveDir, pluginData: LOOKED_FOR });
          if (found.errors.length === 0) return found;
        }
        return { errors: [{ text: refusedModule(path) }] };
      });
    },
  };
}

/** The repository first, then our own modules, and where a file lies that the user named by its path. */
function ownDirectories({ at, root }: StrategySource, author: AuthorModules) {
  const named = "file" in at ? [dirname(at.file)] : [];
  return Promise.all([root, dirname(author.sdk), ...named].map((dir) => realpath(dir)));
}

const LOOKED_FOR = "looked for";

/** What lies outside of the repository is called by its package alone: bundles tell of no machine. */
function withoutPlaces(map: string): string {
  const parsed = JSON.parse(map) as { sources: string[] };
  const sources = parsed.sources.map((source) => {
    if (!source.startsWith("..") && !isAbsolute(source)) return source;
    const at = source.lastIndexOf("node_modules/");
    return at < 0 ? `@pitaya/${source.split("/").slice(-2).join("/")}` : source.slice(at);
  });
  return JSON.stringify({ ...parsed, sources });
}

const isBuildFailure = (error: unknown): error is BuildFailure =>
  error instanceof Error && "errors" in error && Array.isArray(error.errors);

function messageOf({ text: told, location }: Message): string {
  const text = told.startsWith("Top-level await") ? AWAITS : told;
  if (!location || location.file.startsWith("pitaya-entry")) return text;
  return `${location.file}:${location.line}:${location.column + 1}: ${text}`;
}

const AWAITS =
  "a strategy cannot wait while it is loaded: there is no await outside of its functions, `execute` waits";

/** How a file is called in messages: relative to the repository where it is in it. */
export function nameIn(root: string, file: string): string {
  const path = relative(root, file);
  return path.startsWith(`..${sep}`) || isAbsolute(path) ? file : path.split(sep).join("/");
}
