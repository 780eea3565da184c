import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { openIsolate } from "@pitaya/isolate";
import { bundleStrategy, parseCommandLine } from "pitaya/testing";
import { afterAll, beforeAll, expect, it } from "vitest";

const clone = join(import.meta.dirname, "../..");
const strategies = join(clone, "packages/strategies");

let dir: string;
let page: string;
let files: ReadonlyMap<string, string>;

beforeAll(async () => {
  page = await readFile(join(clone, "docs/strategies.md"), "utf8");
  files = new Map(
    [...page.matchAll(/^```ts file=(\S+)\n(.*?)^```$/gms)].map(([, name = "", text = ""]) => [
      name,
      text,
    ]),
  );
  dir = await realpath(await mkdtemp(join(tmpdir(), "pitaya-page-")));
  for (const [name, text] of files) await writeFile(join(dir, name), text);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const named = (ending: RegExp) => [...files.keys()].filter((name) => ending.test(name));

it("every strategy of the page is one, in a repository that has neither SDK nor zod", async () => {
  const codes = named(/^[a-z]+\.ts$/);
  expect(codes).toEqual(["greet.ts", "quickest.ts", "fanout.ts"]);
  for (const name of codes) {
    const bundle = await bundleStrategy({ name, at: { file: join(dir, name) }, root: dir });
    const isolate = await openIsolate({ bundle, loadedAt: 0 });
    expect(isolate.strategies).toHaveLength(1);
    isolate.close();
  }
});

/** As the page's shell lines do it, from wherever the clone is. */
async function linkPackages(): Promise<void> {
  await mkdir(join(dir, "node_modules/@pitaya"), { recursive: true });
  await symlink(strategies, join(dir, "node_modules/@pitaya/strategies"));
  await symlink(join(strategies, "node_modules/zod"), join(dir, "node_modules/zod"));
}

it("every test of the page passes, run as the page says, and all its code has the types it claims", async () => {
  await linkPackages();
  const tests = named(/\.test\.ts$/);
  expect(tests).toHaveLength(2);
  const { NODE_TEST_CONTEXT: _, NODE_OPTIONS: __, ...env } = process.env;
  const args = ["--test", "--test-reporter=tap", ...tests];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: dir, env });
  expect(stdout).toMatch(/^# pass 4$/m);
  expect(stdout).toMatch(/^# fail 0$/m);

  const config = {
    extends: join(clone, "tsconfig.json"),
    // Of the author's repository nothing is known, so it is no module by a package.json.
    compilerOptions: {
      verbatimModuleSyntax: false,
      typeRoots: [join(clone, "node_modules/@types")],
    },
    include: [...files.keys()],
  };
  await writeFile(join(dir, "tsconfig.json"), JSON.stringify(config));
  const compiler = join(clone, "node_modules/typescript/bin/tsc");
  const checked = promisify(execFile)(process.execPath, [compiler, "-p", dir], { cwd: dir });
  const { stdout: said } = await checked.catch((error: { stdout: string }) => error);
  expect(said).toBe("");
});

it("every piece of TypeScript on the page is a file, and every command line is understood", () => {
  expect(page.match(/^```ts$/m)).toBeNull();
  const lines = [...page.matchAll(/^pitaya (.*)$/gm)].map(([, line = ""]) => line);
  expect(lines.length).toBeGreaterThan(0);
  for (const line of lines) {
    const words = [...line.matchAll(/"[^"]*"|[^\s"]+(?:"[^"]*")?/g)].map(([word]) =>
      word.replaceAll('"', ""),
    );
    expect(parseCommandLine(words)).toMatchObject({ ok: true });
  }
});
