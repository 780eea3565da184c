import { randomBytes } from "node:crypto";
import { testGit } from "@pitaya/git/testing";
import { pluginNames } from "@pitaya/plugins";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  filesInVolumes,
  shownByEngine,
  storeOf,
  type Watching,
  watchContainers,
} from "../support/kept-by-stack.ts";
import type { Scenario } from "../support/model-server/scenario.ts";
import { jsonLines, RUN_ID, runnersOf } from "../support/pitaya.ts";
import { found, foundBelow, type Needle, needle } from "../support/readings.ts";
import { embeddedStack, type Stack } from "../support/stack.ts";

/** Of which no part looks like a key: it is the very value that must be known. */
const canary = (name: string) => `canary-${name.toLowerCase()}-${randomBytes(8).toString("hex")}`;

/** One credential, and how a run is told to use it; all of them lie in the user's environment at once. */
interface Kind {
  readonly variable: string;
  readonly plugin: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The gateway puts it in: its agent has a placeholder. */
  readonly isAtGateway?: boolean;
  /** Of the model's address. */
  readonly path?: string;
}

const KINDS: readonly Kind[] = [
  {
    ...{ variable: "ANTHROPIC_API_KEY", plugin: "claude-code", isAtGateway: true },
    args: ["--mode", "api", "--network", "proxy"],
  },
  { variable: "CLAUDE_CODE_OAUTH_TOKEN", plugin: "claude-code" },
  { variable: "OPENAI_API_KEY", plugin: "codex", args: ["--model", "gpt-5.5"], path: "/v1" },
  {
    ...{ variable: "OPENROUTER_API_KEY", plugin: "codex", args: ["--model", "gpt-5.5"] },
    ...{ env: { CODEX_MODEL_PROVIDER: "openrouter" }, path: "/v1" },
  },
  { variable: "GEMINI_API_KEY", plugin: "gemini" },
  {
    ...{ variable: "GROQ_API_KEY", plugin: "opencode", path: "/v1" },
    args: ["--model", "groq/scripted"],
  },
].filter(({ plugin }) => pluginNames.includes(plugin));

const NOBODYS = "MISTRAL_API_KEY";
const DECLARED = "LEAKY_TOKEN";
const values = Object.fromEntries(
  [...KINDS.map(({ variable }) => variable), NOBODYS, DECLARED].map((name) => [name, canary(name)]),
);
const needles: readonly Needle[] = Object.entries(values).map(([name, value]) =>
  needle(name, value),
);

/** Tells all it can find out, in every way it has. */
const TELL = [
  "{ env; cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'; } | grep -a -e canary- -e placeholder- | sort -u >$HOME/told.txt",
  "cat $HOME/told.txt; cat $HOME/told.txt >&2; base64 -w 0 $HOME/told.txt; gzip <$HOME/told.txt >$HOME/told.gz",
].join("; ");
const HARMLESS = `harmless-${randomBytes(8).toString("hex")}`;
const COMMIT = `echo ${HARMLESS} >fine.txt && git add fine.txt && git commit -q -m 'Add fine.txt'`;

/** Short, and nothing that a command line would take for a prompt by itself. */
const PROMPT = "-ten bytes";

/** Whatever its program does with its credential. */
const leaky = (script: string) => ({
  PITAYA_PLUGINS__LEAKY: JSON.stringify({
    argv: ["sh", "-c", script],
    credentials: [DECLARED],
  }),
});

let stack: Stack;
let runner = "";
let watching: Watching;
beforeAll(async () => {
  stack = await embeddedStack();
  const up = await stack.user.run(["up"], { cwd: await stack.directory() });
  expect(up).toMatchObject({ code: 0 });
  [runner = ""] = await runnersOf(stack.user.stateDir);
  watching = await watchContainers(runner);
});
afterAll(async () => {
  watching?.stop();
  await stack.leave();
});

/** What commands have printed, by what they were. */
const printed = new Map<string, string>();
const repositories: string[] = [];

async function command(what: string, args: readonly string[], env = {}, cwd?: string) {
  const repository = cwd ?? (await stack.repository());
  if (!repositories.includes(repository)) repositories.push(repository);
  const options = { cwd: repository, env: { ...values, ...env } };
  const finished = await stack.user.run(args, options);
  printed.set(`${what}: ${args.join(" ").slice(0, 40)}`, finished.stdout + finished.stderr);
  return { ...finished, repository };
}

it("the agent of each kind of credential tells its own, and knows no other; behind the gateway it knows none", async () => {
  const runs = KINDS.map(async ({ variable, plugin, isAtGateway, ...kind }) => {
    const { args = [], env = {}, path = "" } = kind;
    const scenario: Scenario = ({ step, toolResults }) =>
      step === 0 ? { bash: `${TELL}; ${COMMIT}` } : { text: `I know ${toolResults.join("\n")}` };
    const { url, id } = stack.modelFor(scenario);
    const how = ["--plugin", plugin, ...args, "--base-url", `${url}${path}`, "--json"];
    const { code, stdout, stderr } = await command(variable, [...how, "--", PROMPT], env);
    expect({ variable, code, stderr }).toMatchObject({ code: 0 });
    const lines = jsonLines(stdout);
    const requests = stack.model.requests(id);
    expect(requests[0]?.credential?.value).toContain(values[variable]);
    expect(requests.some(({ prompt }) => prompt.includes(PROMPT))).toBe(true);
    const bodies = JSON.stringify(requests.map(({ body }) => body));
    const told = found(Buffer.from(bodies), needles);
    expect(told.filter((name) => name !== variable)).toEqual([]);
    if (isAtGateway) expect([told, bodies]).toEqual([[], expect.stringContaining("placeholder-0")]);
    else if (plugin === "claude-code") expect(told).toEqual([variable]);
    if (told.length > 0) expect(JSON.stringify(lines)).toContain("[REDACTED]");
  });
  await Promise.all(runs);
});

it("a declared program gets what it names, and what it prints is its answer", async () => {
  const env = leaky(`${TELL}; ${COMMIT}; echo "there are $(env | grep -c canary-)"`);
  const { code, stdout } = await command("told", ["tell it", "--plugin", "leaky", "--json"], env);
  expect(code).toBe(0);
  const done = jsonLines(stdout).find((line) => line["type"] === "task.completed");
  expect(JSON.stringify(done)).toContain("[REDACTED]");
  expect(JSON.stringify(done)).toContain("there are 1");
  expect(found(Buffer.from(stdout), needles)).toEqual([]);
});

it.each([
  ["commits it", `${COMMIT}; echo $${DECLARED} >key.txt; git add -A; git commit -q -m key`],
  ["says it in a commit's message", `${COMMIT}; git commit -q --allow-empty -m "key $${DECLARED}"`],
  ["leaves it uncommitted", `${COMMIT}; echo $${DECLARED} >key.txt`],
])("work of one that %s is not kept", async (what, script) => {
  const how = ["do it", "--plugin", "leaky", "--json"];
  const { code, stdout } = await command(what, how, leaky(script));
  expect(code).toBe(3);
  expect(stdout).toContain("secret_in_commit");
});

it("an agent at work has it nowhere where the engine shows it, and its conversation is kept without", async () => {
  let isReleased = false;
  const { url, id } = stack.modelFor(({ step }) => {
    if (isReleased) return { text: "Done." };
    return step === 0 ? { bash: TELL } : { hang: true };
  });
  const repository = await stack.repository();
  repositories.push(repository);
  const args = ["tell and wait", "--mode", "api", "--base-url", url, "--no-tui", "--verbose"];
  const run = stack.user.start(args, { cwd: repository, env: values });
  const [runId] = await run.saw(RUN_ID);
  await stack.model.requested(id, 2);
  const alive = await shownByEngine(runner);
  expect(alive).toContain(runId);
  expect(found(Buffer.from(alive), needles)).toEqual([]);
  run.process.kill("SIGINT");
  const { code, stdout, stderr } = await run.finished;
  expect(code).toBe(2);
  printed.set("interrupted", stdout + stderr);
  isReleased = true;
  const resumed = await command("resumed", ["resume", runId, "--no-tui"], {}, repository);
  expect({ code: resumed.code, stderr: resumed.stderr }).toMatchObject({ code: 0 });
  const conversation = JSON.stringify(stack.model.requests(id).at(-1)?.body);
  expect(conversation).toContain("[REDACTED]");
});

it("nothing that was printed, stored, kept or named holds one of them", async () => {
  const [repository = ""] = repositories;
  await command("all", ["events", "--all", "--json"], {}, repository);
  await command("listed", ["runs", "--json"], {}, repository);
  for (const [what, text] of printed) {
    expect({ what, found: found(Buffer.from(text), needles) }).toEqual({ what, found: [] });
  }
  expect(watching.seen.length).toBeGreaterThan(KINDS.length);
  const shown = [await shownByEngine(runner), ...watching.seen].join("\n");
  expect(found(Buffer.from(shown), needles)).toEqual([]);
  const texts = needles.flatMap(({ forms }) => forms.map((form) => form.toString("latin1")));
  expect(await filesInVolumes(runner, texts)).toEqual([]);

  expect((await stack.user.run(["down"], { cwd: repository })).code).toBe(0);
  const everywhere = [stack.user.stateDir, ...repositories].map((dir) => foundBelow(dir, needles));
  expect((await Promise.all(everywhere)).flat()).toEqual([]);
  expect(await testGit(repository, ["log", "--all", "-p"])).toContain(HARMLESS);
  const { harmless, canaries } = await foundInStore();
  expect(canaries).toEqual([]);
  expect(harmless).toContain("PITAYA_BLOBS");
});

/** Where in the store the canaries are, and what was to be kept: that nothing of it is overlooked. */
async function foundInStore() {
  const wanted = [needle("harmless", HARMLESS)];
  const canaries: string[] = [];
  const harmless = new Set<string>();
  for await (const { stream, subject, header, payload } of storeOf(stack.user.stateDir)) {
    const bytes = Buffer.concat([Buffer.from(`${subject}\n${header}\n`), payload]);
    canaries.push(...found(bytes, needles).map((name) => `${name} in ${stream} ${subject}`));
    if (found(bytes, wanted).length > 0) harmless.add(stream);
  }
  return { harmless: [...harmless], canaries };
}
