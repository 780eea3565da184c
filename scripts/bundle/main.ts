import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { build } from "esbuild";
import { type BundleIndex, readBundleIndex } from "./bundle.ts";
import { programs } from "./programs.ts";
import { type SourceMark, sourceMarks } from "./source-files.ts";

/**
 * Makes `dist/<build>/` with one module per program and their shared chunks, and last the index
 * `dist/bundle.json` that the launcher reads. A program that runs from an earlier build finds its
 * chunks where they were; the build before this one is kept, older ones go.
 */
const root = resolve(import.meta.dirname, "../..");
const dist = join(root, "dist");
const sources = sourceMarks(root);
const id = buildId(sources);
const there = Object.entries(programs).filter(([, module]) => existsSync(join(root, module)));
for (const [name, module] of Object.entries(programs)) {
  if (!existsSync(join(root, module))) console.error(`bundle: no ${module} yet, so no ${name}`);
}

const outdir = join(dist, id);
await build({
  absWorkingDir: root,
  entryPoints: Object.fromEntries(there),
  outdir,
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node24",
  jsx: "automatic",
  sourcemap: "linked",
  sourcesContent: false,
  legalComments: "linked",
  outExtension: { ".js": ".mjs" },
  chunkNames: "chunks/[name]-[hash]",
  // Native speed-ups that are not installed, and do without; and the bundler, with a program of its own.
  external: ["cpu-features", "esbuild"],
  define: { "process.env.PITAYA_BUILD": JSON.stringify(id) },
  // What CommonJS modules among the dependencies take for granted.
  banner: {
    js: [
      'import { createRequire as __createRequire } from "node:module";',
      "const require = __createRequire(import.meta.url);",
      "const __dirname = import.meta.dirname, __filename = import.meta.filename;",
    ].join("\n"),
  },
  logLevel: "warning",
});

// What strategies of the users' own may import though their repositories lack it: the SDK, and zod.
await build({
  absWorkingDir: join(root, "packages/strategies"),
  entryPoints: { strategies: "./sdk.ts", zod: "zod" },
  outdir: join(outdir, "author"),
  bundle: true,
  format: "esm",
  platform: "neutral",
  mainFields: ["module", "main"],
  target: "es2023",
  outExtension: { ".js": ".mjs" },
  plugins: [
    {
      name: "one zod",
      setup({ onResolve }) {
        onResolve({ filter: /^zod$/ }, ({ kind }) =>
          kind === "entry-point" ? undefined : { path: "zod", external: true },
        );
      },
    },
  ],
  logLevel: "warning",
});

const index: BundleIndex = {
  build: id,
  programs: Object.fromEntries(there.map(([name]) => [name, `${id}/${name}.mjs`])),
  sources,
};
const unfinished = join(dist, `bundle.json.${process.pid}`);
writeFileSync(unfinished, JSON.stringify(index));
const previous = readBundleIndex(dist)?.build;
renameSync(unfinished, join(dist, "bundle.json"));
removeOldBuilds(new Set([id, previous]));

/** By content, so that two clones of one state call their builds the same. */
function buildId(marks: readonly SourceMark[]): string {
  const hash = createHash("sha256");
  for (const [path] of marks) hash.update(`${path}\0`).update(readFileSync(join(root, path)));
  return hash.digest("hex").slice(0, 12);
}

function removeOldBuilds(kept: ReadonlySet<string | undefined>): void {
  for (const name of readdirSync(dist)) {
    if (/^[0-9a-f]{12}$/.test(basename(name)) && !kept.has(name)) {
      rmSync(join(dist, name), { recursive: true, force: true });
    }
  }
}
