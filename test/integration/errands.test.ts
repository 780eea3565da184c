import { randomBytes } from "node:crypto";
import {
  type BranchSource,
  type FactOf,
  PluginDeclaration,
  RunId,
  type TaskSpec,
} from "@pitaya/protocol";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type RunnerPrograms, runnerPrograms } from "../support/runner-programs.ts";

const suffix = randomBytes(4).toString("hex");
const FIRST = `test-${suffix}-a`;
const SECOND = `test-${suffix}-b`;
const RUN = RunId.parse(`run_20260101_000000_${suffix}`);

let programs: RunnerPrograms;
beforeAll(async () => {
  programs = await runnerPrograms({ runners: [FIRST, SECOND], run: RUN, apiKey: "key-of-errands" });
});
afterAll(() => programs?.close());

type Script = Parameters<RunnerPrograms["model"]["url"]>[0];

async function done(
  runner: string,
  key: string,
  script: Script,
  task: Partial<TaskSpec> = {},
): Promise<FactOf<"attempt.succeeded">> {
  const url = programs.model.url(script, key, "host.docker.internal");
  await programs.order({ runner, key, url, task });
  const end = await programs.ending({ runner, key });
  if (end.type !== "attempt.succeeded") throw new Error(JSON.stringify(end));
  return end;
}

function branchOf(branch: string, { work, bundle }: FactOf<"attempt.succeeded">): BranchSource {
  if (work === undefined || bundle === undefined) throw new Error("nothing was committed");
  return { branch, commit: work.commit, bundles: [bundle, ...programs.base.bundles] };
}

const put = (text: string) =>
  programs.coordinator.blobs.put(async function* () {
    yield Buffer.from(text);
  });

const CANARY = "canary-of-what-is-held-out";
/** Everything in a container that holds it, or is named so. The command itself does not hold it. */
const FOUND = [
  "{ grep -rIl canary-of-wha[t] / --exclude-dir=proc --exclude-dir=sys --exclude-dir=dev;",
  'find / -path /proc -prune -o -name "held-ou[t]*" -print; } 2>/dev/null',
].join(" ");
const LOOK = `${FOUND} >found.txt; git add -A; git commit -qm look`;

it("a check has files that no agent's container holds, before it or after", async () => {
  await programs.startProgram(FIRST);
  const files = [
    {
      path: "tests/held-out.sh",
      executable: true,
      blob: await put(`#!/bin/sh\n# ${CANARY}\ncat answer.txt\n`),
    },
  ];
  const check = { command: `${FOUND}; ./tests/held-out.sh && grep -q 42 answer.txt`, files };
  const itself = "/workspace/tests/held-out.sh\n";
  const verify = (key: string, base: BranchSource) => done(FIRST, key, [], { base, verify: check });

  const made = await done(FIRST, "made", [{ bash: `echo 42 >answer.txt; ${LOOK}` }, { text: "." }]);
  const right = branchOf("right", made);
  expect((await verify("right", right)).verify).toEqual({
    exitCode: 0,
    timedOut: false,
    output: `${itself}${itself}42\n`,
  });
  const more = await done(FIRST, "more", [{ bash: `echo 7 >answer.txt; ${LOOK}` }, { text: "." }], {
    base: right,
  });
  const { work, bundle } = more;
  if (work === undefined || bundle === undefined) throw new Error("nothing was committed");
  const wrong = { branch: "wrong", commit: work.commit, bundles: [bundle, ...right.bundles] };
  expect((await verify("wrong", wrong)).verify).toMatchObject({
    exitCode: 1,
    output: `${itself}${itself}7\n`,
  });

  for (const base of [right, wrong]) {
    const { read } = await done(FIRST, `read-${base.branch}`, [], {
      base,
      read: { path: "found.txt" },
    });
    expect(read).toEqual({ text: { inline: "" } });
  }
});

it("an agent that may only look sees other branches, and changes nothing", async () => {
  await programs.startProgram(FIRST);
  const made = await done(FIRST, "other", [
    { bash: "echo other >other.txt; git add -A; git commit -qm other" },
    { text: "." },
  ]);
  const look = await done(
    FIRST,
    "look",
    [
      {
        bash: "git branch --format '%(refname:short)'; git show feature:other.txt; touch x; git commit --allow-empty -qm no; echo over",
      },
      { text: "Seen." },
    ],
    {
      readOnly: true,
      importPolicy: "never",
      includes: [branchOf("feature", made)],
      systemPrompt: { inline: "You are the reviewer of this test." },
      appendSystemPrompt: { inline: "Speak of nothing else." },
    },
  );
  expect(look.finalMessage).toEqual({ inline: "Seen." });
  for (const field of ["work", "patch", "bundle"]) expect(look).not.toHaveProperty(field);
  const [asked, answered] = programs.model.requests("look");
  const told = JSON.stringify(answered?.body);
  expect(told).toContain("feature\\nmain\\nother\\n");
  expect(told).toContain("Read-only file system");
  const system = JSON.stringify(asked?.body);
  expect(system).toContain("You are the reviewer of this test.");
  expect(system).toContain("Speak of nothing else.");
});

it("a conversation goes on in another task, on another runner; an answer keeps to its schema", async () => {
  await programs.startProgram(FIRST);
  const begun = await done(FIRST, "begun", [{ text: "The word is pitaya." }], { session: {} });
  await programs.startProgram(SECOND);
  const from = begun.session;
  if (from === undefined) throw new Error("no conversation was kept");
  const schema = { type: "object", properties: { word: { type: "string" } }, required: ["word"] };
  const ended = await done(
    SECOND,
    "ended",
    [{ tool: "StructuredOutput", input: { word: "pitaya" } }, { text: "Said." }],
    {
      session: { from },
      prompt: { inline: "Which word was it?" },
      outputSchema: { inline: JSON.stringify(schema) },
    },
  );
  expect(ended).toMatchObject({
    output: { inline: '{"word":"pitaya"}' },
    account: { sessionId: from.sessionId },
    session: { sessionId: from.sessionId },
  });
  const conversation = JSON.stringify(programs.model.requests("ended")[0]?.body);
  for (const said of ["Add a greeting.", "The word is pitaya.", "Which word was it?"]) {
    expect(conversation).toContain(said);
  }
  expect(conversation).not.toContain("You were interrupted");
});

it("a declared program is an agent like any other, and may merge what it was shown", async () => {
  await programs.startProgram(FIRST);
  const declaration = PluginDeclaration.parse({
    argv: [
      "sh",
      "-c",
      'echo "$1" >prompt.txt; git add -A; git commit -qm "$MODE"; pwd',
      "--",
      "{prompt}",
    ],
    env: { MODE: "declared" },
  });
  const agent = { plugin: "mine", image: "pitaya-agents:latest", cliArgs: [], credentials: [] };
  const end = await done(FIRST, "declared", [], {
    agent: { ...agent, declaration },
    prompt: { inline: "--help me" },
  });
  expect(end).toMatchObject({ work: { commits: 1 }, finalMessage: { inline: "/workspace" } });
  const { read } = await done(FIRST, "prompt", [], {
    base: branchOf("made", end),
    read: { path: "prompt.txt" },
  });
  const text = read?.text && "inline" in read.text ? read.text.inline : "";
  expect(text.split("\n")[0]).toBe("--help me");
  expect(programs.model.requests("declared")).toEqual([]);

  const argv = ["git", "merge", "-q", "--no-ff", "{prompt}"];
  const merged = await done(FIRST, "merged", [], {
    agent: { ...agent, declaration: PluginDeclaration.parse({ argv }) },
    commitInstruction: "",
    prompt: { inline: "feature" },
    includes: [branchOf("feature", end)],
  });
  expect(merged.work).toMatchObject({ commits: 2, filesChanged: 1 });
});
