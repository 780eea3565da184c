import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { parseCommandLine } from "pitaya/testing";
import { afterAll, beforeAll, expect, it } from "vitest";

/*
 * docs/a-new-plugin.md, followed to the letter in a copy of packages/plugins: what it adds type-checks
 * as strictly as all the rest, passes its own test, and passes what every plugin has to pass.
 */

const clone = join(import.meta.dirname, "../..");
const plugins = join(clone, "packages/plugins");
const run = promisify(execFile);

let dir: string;
let page: string;
let files: ReadonlyMap<string, string>;

beforeAll(async () => {
  page = await readFile(join(clone, "docs/a-new-plugin.md"), "utf8");
  files = new Map(
    [...page.matchAll(/^```\w+ file=(\S+)\n(.*?)^```$/gms)].map(([, name = "", text = ""]) => [
      name,
      text,
    ]),
  );
  dir = await realpath(await mkdtemp(join(tmpdir(), "pitaya-page-")));
  const isOfPackage = (path: string) => path !== join(plugins, "node_modules");
  await cp(plugins, dir, { recursive: true, filter: isOfPackage });
  await symlink(join(plugins, "node_modules"), join(dir, "node_modules"));
  for (const [name, text] of files) {
    if (name === "registry.ts") continue;
    await mkdir(dirname(join(dir, name)), { recursive: true });
    await writeFile(join(dir, name), text);
  }
  const registry = await readFile(join(dir, "registry.ts"), "utf8");
  await writeFile(join(dir, "registry.ts"), registered(registry));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** As the page's difference has it. */
function registered(registry: string): string {
  const difference = files.get("registry.ts") ?? "";
  const [, before = "nothing"] = /^-(.*)$/m.exec(difference) ?? [];
  const added = [...difference.matchAll(/^\+(.*)$/gm)].map(([, line = ""]) => line);
  const [first = "nothing", after = "nothing", ...others] = added;
  expect(others).toEqual([]);
  expect(registry).toContain(before);
  return `${first}\n${registry.replace(before, after)}`;
}

it("the page's plugin is one file, a folder of transcripts, and a line", () => {
  const names = [...files.keys()];
  const others = names.filter((name) => !name.startsWith("testdata/scribe/"));
  expect(others).toEqual(["scribe.ts", "registry.ts", "scribe.test.ts"]);
});

it("its TypeScript is as strict as the rest", async () => {
  const config = {
    extends: join(clone, "tsconfig.json"),
    compilerOptions: { typeRoots: [join(plugins, "node_modules/@types")] },
    include: ["scribe.ts", "scribe.test.ts", "registry.ts"],
  };
  await writeFile(join(dir, "tsconfig.json"), JSON.stringify(config));
  const tsc = join(clone, "node_modules/typescript/bin/tsc");
  const { stdout } = await run(process.execPath, [tsc, "-p", dir]).catch((error) => error);
  expect(stdout).toBe("");
});

it("it passes its own test, and what every plugin has to pass", async () => {
  const vitest = join(clone, "node_modules/vitest/vitest.mjs");
  const { NODE_OPTIONS: _, VITEST: __, CI: ___, ...env } = process.env;
  const tests = ["scribe.test.ts", "transcripts.test.ts"];
  const told = join(dir, "report.json");
  // A snapshot that is not there yet is written, as for whoever follows the page.
  const { stdout } = await run(
    process.execPath,
    [
      ...[vitest, "run", "--root", dir, "--update", "--reporter=json", `--outputFile=${told}`],
      ...["--testNamePattern", "scribe|^(is|refuses|tells) ", ...tests],
    ],
    { cwd: dir, env },
  ).catch((error) => error);
  const report = JSON.parse(await readFile(told, "utf8")) as Readonly<Record<string, number>>;
  expect(report, stdout).toMatchObject({ numFailedTests: 0 });
  // Its own four; three transcripts with three tests each; that it has some, and its damages.
  expect(report["numPassedTests"]).toBe(4 + 3 * 3 + 2);
});

it("every command line of the page is understood", () => {
  const lines = [...page.matchAll(/^pitaya (.*)$/gm)].map(([, line = ""]) => line);
  expect(lines.length).toBeGreaterThan(0);
  for (const line of lines) {
    const words = [...line.matchAll(/"[^"]*"|\S+/g)].map(([word]) => word.replaceAll('"', ""));
    expect(parseCommandLine(words)).toMatchObject({ ok: true });
  }
  expect(page.match(/^```ts$/m)).toBeNull();
});
