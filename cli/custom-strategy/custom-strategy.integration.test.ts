import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { decodeStrategyBundle, encodeStrategyBundle } from "@pitaya/isolate";
import { errorRecord } from "@pitaya/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Session } from "../session.ts";
import { resolveSettings } from "../settings/resolve.rules.ts";
import { bundleStrategy } from "./bundle-strategy.ts";
import { customStrategy } from "./custom-strategy.ts";
import { refusedModule } from "./missing-module.rules.ts";
import { strategyReference } from "./strategy-reference.rules.ts";

let root: string;
beforeAll(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "pitaya-own-strategy-")));
  for (const [path, text] of Object.entries(FILES)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const strategy = (name: string, more = "") =>
  `defineStrategy({ name: "${name}", params: z.object({ n: z.int().max(9).default(2) }),
  async execute({ prompt, params }, ctx) {
    ${more}
    const tasks = Array.from({ length: params.n }, (_, i) => ctx.run({ prompt }, { key: ctx.key("t", i) }));
    await ctx.waitAll(tasks);
    return { status: "succeeded", tasks: tasks.map(({ key }) => key) };
  } })`;
const IMPORTS = `import { defineStrategy } from "@pitaya/strategies";\nimport { z } from "zod";\n`;

const FILES = {
  "one.ts": `${IMPORTS}import { twice } from "doubler";
import voice from "./voice.md";
type N = number;
export const times: N = twice(1);
const it = ${strategy("one", "console.log(voice)")};
export default it;
export { it as named };`,
  "voice.md": "Be brief.",
  "two.ts": `${IMPORTS}export const A = ${strategy("a")};\nexport const B = ${strategy("b")};`,
  "node_modules/doubler/package.json": `{ "name": "doubler", "type": "module", "main": "index.js" }`,
  "node_modules/doubler/index.js": "export const twice = (n) => n * 2;",
  "node_modules/kit/package.json": `{ "name": "kit", "type": "module" }`,
  "node_modules/kit/module.js": `${IMPORTS}export const K = ${strategy("kit")};`,
  "taken.ts": `${IMPORTS}export default ${strategy("best_of_n")};`,
  "misnamed.ts": `${IMPORTS}export default ${strategy("../../evil name")};`,
  "empty.ts": "",
  "plain.ts": "export default async function run() {}",
  "awaits.ts": "export default await Promise.resolve(1);",
  "shapeless.ts": `export default { name: "x", execute: 3, params: {} };`,
  "broken.ts": "// first line\nexport default {{",
  "throws.ts": `${IMPORTS}export default ${strategy("x")};\n\nthrow new Error("early");`,
  "reads.ts": `import { readFileSync } from "node:fs";\nexport default readFileSync("/etc/passwd");`,
  "missing.ts": `import x from "not-installed";\nexport default x;`,
};

function chosen(text: string, ...set: readonly string[]) {
  const session = {
    host: { cwd: root, home: root, clock: { now: () => 1_000 } },
    settings: resolveSettings([]),
    values: () => set,
  } as unknown as Session;
  const reference = strategyReference(text, []);
  if (reference.kind === "shipped") throw new Error("shipped");
  return customStrategy(session, reference, root);
}

describe("a strategy of the user's own", () => {
  it("is one file with all it imports, though the repository has neither SDK nor zod", async () => {
    const { spec, values, code } = await chosen("./one.ts", "n=3");
    expect(spec).toEqual({ name: "one", params: { n: 3 } });
    expect(values).toEqual({ n: 3 });
    expect(code).toMatchObject({ file: "one.ts", export: "default" });
    const bundle = decodeStrategyBundle(code?.content ?? new Uint8Array());
    expect(bundle.code).toContain("Be brief.");
    expect(bundle.map).not.toContain(root);
  });

  it("is the same bytes from the same sources", async () => {
    const source = { name: "one.ts", at: { file: join(root, "one.ts") }, root };
    const [first, second] = await Promise.all([bundleStrategy(source), bundleStrategy(source)]);
    expect(encodeStrategyBundle(first)).toEqual(encodeStrategyBundle(second));
  });

  it("is one of several, or a module's, by its export", async () => {
    expect((await chosen("one.ts:named")).code).toMatchObject({ export: "named" });
    expect((await chosen("two.ts:B")).code).toMatchObject({ export: "B" });
    expect((await chosen("kit/module.js")).spec.name).toBe("kit");
  });
});

describe("what is no strategy is refused before anything is submitted", () => {
  it.each([
    ["two.ts", /two\.ts exports 2 strategies/],
    ["shapeless.ts", /default of shapeless\.ts is no strategy: it lacks an execute function/],
    ["taken.ts", /taken\.ts calls its strategy "best_of_n", as one of Pitaya's own/],
    ["misnamed.ts", /misnamed\.ts calls its strategy "\.\.\/\.\.\/evil name"/],
    ["empty.ts", /empty\.ts exports no strategy: it exports nothing/],
    ["plain.ts", /default of plain\.ts is no strategy: .* it is a plain function/],
    ["awaits.ts", /awaits\.ts:1:16: a strategy cannot wait while it is loaded/],
    ["broken.ts", /broken\.ts cannot be read: broken\.ts:2:17: /],
    ["throws.ts", /throws\.ts threw Error: early \(throws\.ts:11:11\), while it was loaded/],
    ["reads.ts", /reads\.ts:1:30: "node:fs" cannot be imported: .*ctx\.readFile/],
    ["missing.ts", /missing\.ts:1:15: Could not resolve "not-installed"/],
    ["absent.ts", /no strategy file absent\.ts/],
    ["kit/absent", /no module kit\/absent/],
  ])("%s", async (text, message) => {
    const error = await chosen(text).then(
      () => expect.unreachable("it was taken"),
      (thrown: unknown) => errorRecord(thrown),
    );
    expect(error).toMatchObject({ code: "usage", message: expect.stringMatching(message) });
  });

  it("its own schema says which parameters it takes", async () => {
    await expect(chosen("one.ts", "n=12", "m=1")).rejects.toMatchObject({
      message: expect.stringMatching(
        /-S m: strategy one has no such parameter\n.*-S n: expected a whole number up to 9, not 12/,
      ),
      hint: "parameters of one: n, model, include_branches, key_prefix",
    });
  });
});

it.each([
  ["node:fs/promises", /no file system: ctx\.readFile/],
  ["child_process", /starts no programs/],
  ["node:net", /no network/],
  ["process", /no environment/],
  ["crypto", /ctx\.rand/],
  ["node:v8", /with its context and nothing else/],
])("an import of %s says what there is instead", (specifier, message) => {
  expect(refusedModule(specifier)).toMatch(message);
});

describe("what lies outside of the repository", () => {
  let outside: string;
  beforeAll(() => {
    outside = realpathSync(mkdtempSync(join(tmpdir(), "pitaya-outside-")));
    writeFileSync(join(outside, "secret.json"), '{ "k": "CANARY" }');
    writeFileSync(join(outside, "linked.ts"), strategy("x"));
    symlinkSync(join(outside, "secret.json"), join(root, "link.json"));
    symlinkSync(join(outside, "linked.ts"), join(root, "link.ts"));
    const from = (file: string) => `import s from "${file}";\nexport default s;`;
    writeFileSync(
      join(root, "by-path.ts"),
      from(join("..", outside.split("/").at(-1) ?? "", "secret.json")),
    );
    writeFileSync(join(root, "by-link.ts"), from("./link.json"));
  });
  afterAll(() => rmSync(outside, { recursive: true, force: true }));

  it.each(["by-path.ts", "by-link.ts", "link.ts"])("is not taken in: %s", async (file) => {
    const bundled = bundleStrategy({ name: file, at: { file: join(root, file) }, root });
    await expect(bundled).rejects.toMatchObject({
      code: "usage",
      message: expect.stringContaining("lies outside of the repository"),
    });
  });
});

describe("what is hidden", () => {
  const bundled = (file: string) =>
    bundleStrategy({ name: file, at: { file: join(root, file) }, root });
  beforeAll(() => {
    for (const [path, text] of Object.entries({
      ".keys/k.json": '{ "k": "CANARY" }',
      ".env.json": '{ "k": "CANARY" }',
      "node_modules/.cache/k.json": '{ "k": "CANARY" }',
      ".mine/own.ts": `${IMPORTS}import voice from "./voice.md";\nexport default ${strategy("own", "console.log(voice)")};`,
      ".mine/voice.md": "Be brief.",
    })) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    symlinkSync(join(root, ".env.json"), join(root, "seen.json"));
  });

  it.each(["./.keys/k.json", "./.env.json", "./seen.json", "./node_modules/.cache/k.json"])(
    "is not taken in: %s",
    async (path) => {
      writeFileSync(join(root, "takes.ts"), `import s from "${path}";\nexport default s;`);
      await expect(bundled("takes.ts")).rejects.toMatchObject({
        code: "usage",
        message: expect.stringMatching(/takes\.ts:1:15: .*\.json is hidden, by a name that begins/),
      });
    },
  );

  it("is taken in beside code that the user named there himself", async () => {
    expect((await bundled(".mine/own.ts")).code).toContain("Be brief.");
  });
});
