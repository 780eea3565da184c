import { PluginDeclaration } from "@pitaya/protocol";
import { describe, expect, it } from "vitest";
import { command, declaredPlugin } from "./command.ts";
import { resolveCredentials } from "./credentials.ts";
import type { AgentExit, AgentPlugin, AgentTask } from "./plugin.port.ts";
import { pluginOf } from "./registry.ts";
import { MAX_ANSWER_BYTES } from "./text-output.ts";

const task = (changes: Partial<AgentTask> = {}): AgentTask => ({
  prompt: "do it",
  cliArgs: [],
  ...changes,
});
const declared = (declaration: object) =>
  declaredPlugin("mine", PluginDeclaration.parse(declaration));
/** What is called, as a whole: nothing of it was refused. */
const called = (plugin: AgentPlugin, changes: Partial<AgentTask> = {}) => {
  expect(plugin.check(task(changes))).toEqual([]);
  return plugin.command(task(changes));
};

describe("a command line with a prompt in it", () => {
  it("is that of the run's own words", () => {
    const cliArgs = ["sh", "-c", "echo $1 in $HOME", "--", "{prompt}"];
    expect(called(command, { cliArgs })).toEqual({
      argv: ["sh", "-c", "echo $1 in $HOME", "--", "do it"],
      env: {},
    });
  });

  it("is the declared one, with model, address, environment and the run's arguments before the prompt", () => {
    const mine = declared({
      argv: ["agent", "--model={model}", "--", "{prompt}"],
      env: { CI: "1" },
      baseUrlEnv: "AGENT_URL",
      model: "small",
    });
    expect(called(mine, { cliArgs: ["-x", "{prompt}"], baseUrl: "http://h/" })).toEqual({
      argv: ["agent", "--model=small", "-x", "{prompt}", "--", "do it"],
      env: { CI: "1", AGENT_URL: "http://h/" },
    });
    expect(called(mine, { model: "large" }).argv[1]).toBe("--model=large");
    const elsewhere = declared({ argv: ["agent", "{args}", "run", "{prompt}"] });
    expect(called(elsewhere, { cliArgs: ["-x"] }).argv).toEqual(["agent", "-x", "run", "do it"]);
  });

  it("never takes what is filled in for a place to fill", () => {
    const mine = declared({ argv: ["agent", "{model}", "{prompt}"] });
    const { argv } = called(mine, { prompt: "write {model} and $& here", model: "{prompt}" });
    expect(argv).toEqual(["agent", "{prompt}", "write {model} and $& here"]);
  });

  it("has the prompt on stdin where it has no place for it, or asks for a file", () => {
    expect(called(declared({ argv: ["agent"] }))).toMatchObject({
      argv: ["agent"],
      stdin: "do it",
    });
    expect(called(declared({ argv: ["agent", "-f", "{prompt_file}"] }))).toMatchObject({
      argv: ["agent", "-f", "/dev/stdin"],
      stdin: "do it",
    });
  });

  it("is told the commit contract after the prompt", () => {
    const { argv } = called(declared({ argv: ["agent", "{prompt}"] }), { instruction: "Commit." });
    expect(argv.at(-1)).toBe("do it\n\nCommit.");
  });
});

describe("a prompt over 96 KiB", () => {
  const prompt = `${"é".repeat(48 * 1024)}.`;

  it("goes by stdin, and its word is left out", () => {
    const mine = declared({ argv: ["agent", "-q", "--", "{prompt}", "end"] });
    expect(called(mine, { prompt })).toEqual({
      argv: ["agent", "-q", "end"],
      env: {},
      stdin: prompt,
    });
    expect(called(mine, { prompt: prompt.slice(0, -1) }).stdin).toBeUndefined();
  });

  it("is refused as a part of a word", () => {
    expect(declared({ argv: ["agent", "--say={prompt}"] }).check(task({ prompt }))).toEqual([
      "mine: prompt is over 96 KiB, and {prompt} is part of a word; write {prompt_file}",
    ]);
  });
});

describe("a prompt that begins with a dash", () => {
  const prompt = "--help is wrong";
  const argvOf = (...argv: string[]) => called(declared({ argv }), { prompt }).argv;

  it("is no option", () => {
    expect(argvOf("agent", "{prompt}")).toEqual(["agent", "--", prompt]);
    expect(argvOf("agent", "-x", "--", "{prompt}")).toEqual(["agent", "-x", "--", prompt]);
    expect(argvOf("agent", "--say={prompt}")).toEqual(["agent", `--say=${prompt}`]);
  });

  it("is refused after an option, whose value it may be", () => {
    expect(declared({ argv: ["agent", "--say", "{prompt}"] }).check(task({ prompt }))).toEqual([
      'mine: prompt begins with "-" and would be an option after --say; write -- before {prompt}',
    ]);
  });
});

describe("what a program cannot honour", () => {
  const cliArgs = ["agent"];

  it.each([
    [{ maxTurns: 3 }, "command: maxTurns cannot be passed on to a program"],
    [{ systemPrompt: "x" }, "command: systemPrompt cannot be passed on to a program"],
    [{ appendSystemPrompt: "x" }, "command: appendSystemPrompt cannot be passed on to a program"],
    [{ outputSchema: {} }, "command: outputSchema cannot be passed on to a program"],
    [{ prompt: " " }, "command: prompt is empty"],
    [{ prompt: "a\0" }, "command: prompt holds a NUL character"],
    [{ cliArgs: [] }, "command: cliArgs is empty; give the program and its words, with {prompt}"],
    [{ cliArgs: ["{prompt}"] }, "command: argv does not begin with the name of a program"],
    [{ cliArgs: ["a", "{model}"] }, "command: model is not given, and argv has {model}"],
  ])("is refused by plugin and field: %o", (changes, problem) => {
    expect(command.check(task({ cliArgs, ...changes }))).toEqual([problem]);
  });
});

describe("the output of a program", () => {
  const read = (pieces: readonly Uint8Array[], exit: AgentExit, stderr = "") => {
    const parser = command.parser();
    for (const piece of pieces) expect(parser.push("stdout", piece)).toEqual([]);
    parser.push("stderr", Buffer.from(stderr));
    return parser.end(exit).result;
  };

  it("is its answer, and its exit status its success", () => {
    expect(read([Buffer.from("\nall "), Buffer.from("done\n")], { exitCode: 0 })).toEqual({
      finalMessage: "all done",
    });
    expect(read([], { exitCode: 0 })).toEqual({});
    expect(read([Buffer.from("half")], { exitCode: 4 }, "no\n")).toEqual({
      finalMessage: "half",
      failure: { code: "agent_failed", message: "it exited with status 4: no", retryable: false },
    });
    expect(read([], { exitCode: 127 }).failure?.code).toBe("image_unusable");
    expect(read([], { signal: "KILL" }).failure).toMatchObject({ retryable: true });
  });

  it("is kept from its end, whole characters only, whatever it comes in", () => {
    const text = Buffer.from(`${"é".repeat(MAX_ANSWER_BYTES)}x`);
    const cut = (size: number) =>
      Array.from({ length: Math.ceil(text.length / size) }, (_, n) =>
        text.subarray(n * size, (n + 1) * size),
      );
    const expected = `${"é".repeat(MAX_ANSWER_BYTES / 2 - 1)}x`;
    for (const size of [text.length, 65_537, 1_001, 7]) {
      expect(read(cut(size), { exitCode: 0 }).finalMessage).toBe(expected);
    }
  });

  it.each([
    ["claude-stream-json", [{ type: "result", subtype: "success", result: "done" }]],
    [
      "codex-json",
      [
        { type: "item.completed", item: { id: "item_0", type: "agent_message", text: "done" } },
        { type: "turn.completed", usage: {} },
      ],
    ],
  ] as const)("of a declared %s is read as that", (output, lines) => {
    const { parser } = declared({ argv: ["agent"], output });
    const reading = parser();
    for (const line of lines) reading.push("stdout", Buffer.from(`${JSON.stringify(line)}\n`));
    expect(reading.end({ exitCode: 0 }).result).toMatchObject({ finalMessage: "done" });
    expect(parser().end({ exitCode: 0 }).result.failure?.code).toBe("no_result");
  });
});

describe("the credentials of a declared program", () => {
  const mine = declared({ argv: ["agent"], credentials: ["A_KEY", "B_KEY"] });

  it("are all those it names, and of the user's environment nothing else", () => {
    const env = { A_KEY: "a", B_KEY: " b ", C_KEY: "c" };
    expect(resolveCredentials(mine, { env }).secrets).toEqual({ A_KEY: "a", B_KEY: "b" });
    expect(resolveCredentials(command, { env }).secrets).toEqual({});
  });

  it("are missed by name", () => {
    expect(() => resolveCredentials(mine, { env: { A_KEY: "a" } })).toThrow(
      expect.objectContaining({ code: "credentials_missing", hint: "set B_KEY" }),
    );
  });
});

it("a declaration goes before a plugin's name", () => {
  const declaration = PluginDeclaration.parse({ argv: ["agent"] });
  expect(pluginOf({ plugin: "mine", declaration }).command(task()).argv).toEqual(["agent"]);
  expect(pluginOf({ plugin: "command" })).toBe(command);
});
