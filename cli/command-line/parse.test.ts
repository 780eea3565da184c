import fc from "fast-check";
import { expect, test } from "vitest";
import { COMMAND_NAMES, commandSpec } from "./commands.ts";
import { type FlagName, flagSpec } from "./flags.ts";
import { commandHelp, generalHelp } from "./help.rules.ts";
import { editDistance, nearest } from "./nearest.rules.ts";
import { parseCommandLine } from "./parse.rules.ts";

function understood(...argv: readonly string[]) {
  const parsed = parseCommandLine(argv);
  if (!parsed.ok) throw new Error(`${parsed.misuse.message} ${parsed.misuse.hint}`);
  const { command, args, flags } = parsed.invocation;
  return { command, args, flags: Object.fromEntries(flags) };
}

function misuse(...argv: readonly string[]): string {
  const parsed = parseCommandLine(argv);
  if (parsed.ok) throw new Error("this was understood");
  return `${parsed.misuse.message} ${parsed.misuse.hint}`;
}

test("a bare prompt is a run, and so is one after run", () => {
  const run = { command: "run", args: ["fix it"], flags: {} };
  expect(understood("fix it")).toEqual(run);
  expect(understood("run", "fix it")).toEqual(run);
  expect(understood("run", "runs")).toEqual({ ...run, args: ["runs"] });
  expect(understood("--", "runs")).toEqual({ ...run, args: ["runs"] });
  expect(understood("runs")).toMatchObject({ command: "runs", args: [] });
});

test("flags stand before or after the prompt, with and without run, in every order", () => {
  const pieces = [["--model", "opus"], ["--runs=3"], ["--json"], ["-S", "a=1"], ["-Sb=2"]];
  const expected = {
    command: "run",
    args: ["fix it"],
    flags: { model: ["opus"], runs: ["3"], json: ["true"], set: ["a=1", "b=2"] },
  };
  fc.assert(
    fc.property(
      fc.nat({ max: pieces.length }),
      fc.constantFrom([], ["run"]),
      fc.nat({ max: pieces.length }),
      (promptAt, run, runAt) => {
        const argv: string[] = [];
        for (let i = 0; i <= pieces.length; i++) {
          if (i === Math.min(runAt, promptAt)) argv.push(...run);
          if (i === promptAt) argv.push("fix it");
          argv.push(...(pieces[i] ?? []));
        }
        expect(understood(...argv)).toEqual(expected);
      },
    ),
    { seed: 1 },
  );
});

test("the last of several values holds, but where each counts", () => {
  expect(understood("p", "--model", "a", "--model", "b").flags).toEqual({ model: ["a", "b"] });
  expect(understood("p", "--cli-arg", "--json", "--cli-arg=-x").flags).toEqual({
    "cli-arg": ["--json", "-x"],
  });
  const tokens = ["--cli-arg", "-5", "--cli-arg", "--", "--cli-arg", "-S", "--cli-arg=--model"];
  expect(understood(...tokens, "p")).toEqual({
    command: "run",
    args: ["p"],
    flags: { "cli-arg": ["-5", "--", "-S", "--model"] },
  });
});

test("after -- there is neither a flag nor a command", () => {
  const run = { command: "run", flags: { json: ["true"], model: ["m"] } };
  const flags = ["--json", "--model", "m"];
  expect(understood(...flags, "--", "stauts")).toEqual({ ...run, args: ["stauts"] });
  expect(understood(...flags, "--", "-5")).toEqual({ ...run, args: ["-5"] });
  expect(understood(...flags, "run", "--", "--help")).toEqual({ ...run, args: ["--help"] });
  expect(understood("show", "--", "runs")).toEqual({ command: "show", args: ["runs"], flags: {} });
});

test("older flags are the commands they name", () => {
  expect(understood("--list-runs", "--json")).toMatchObject({ command: "runs", args: [] });
  expect(understood("--show-run", "@last")).toMatchObject({ command: "show", args: ["@last"] });
  expect(understood("--resume", "run_1")).toMatchObject({ command: "resume", args: ["run_1"] });
  expect(understood("show", "--show-run", "@last")).toMatchObject({ command: "show", flags: {} });
  expect(understood("--resume-fresh", "run_1")).toEqual({
    command: "resume",
    args: ["run_1"],
    flags: { fresh: ["true"] },
  });
});

test.each([
  [["p", "--modle", "x"], "Did you mean --model?"],
  [["p", "--follow"], "It belongs to `pitaya events`"],
  [
    ["attach", "r", "--runs", "2"],
    "--runs is not a flag of `pitaya attach`. It belongs to `pitaya run`",
  ],
  [["resume", "r", "-S", "n=1"], "-S, --set is not a flag of `pitaya resume`"],
  [["p", "--model"], "--model needs a value. Write --model <name>"],
  [["p", "--model", "--json"], "--model needs a value"],
  [["p", "--json=yes"], "--json takes no value"],
  [["show"], "`pitaya show` needs a run. Usage: pitaya show <run>"],
  [["runs", "x"], "`pitaya runs` does not take: x"],
  [["stauts"], "Did you mean `pitaya status`?"],
  [
    ["cancel", "r"],
    'This version has no command `cancel`. For a prompt of that text, write: pitaya run "cancel"',
  ],
  [
    ["--resume", "a", "--resume-fresh", "a"],
    "--resume and --resume-fresh cannot be given together",
  ],
  [["--resume", "a", "--resume", "b"], "--resume can be given once"],
  [["do", "it"], "put it in quotes"],
  [["do it", "now"], "One prompt is expected, but there are 2 words"],
  [["p", "-x"], "Unknown flag -x"],
  [["-5"], "Unknown flag -5"],
  [["- fix it"], "A prompt that begins with a dash comes last, after `--`."],
  [["run", "-5"], "Unknown flag -5"],
  [["p", "-S"], "--set needs a value. Write --set <key=value>"],
  [["p", "--api-key", ""], "--api-key is empty. Give it a <key>, or leave it out."],
  [["p", "--base-url= "], "--base-url is empty."],
  [["p", "--cli-args"], "--cli-args needs a value. Write --cli-args <'words'>"],
  [["p", "--base", "main"], "Unknown flag --base. Did you mean --base-branch?"],
  [["p", "--dokr-imag", "x"], "Did you mean --docker-image?"],
  [["runs", "--modle", "x"], "Unknown flag --modle. See `pitaya runs --help`."],
  [["p", "--api-kee=secret"], "Unknown flag --api-kee. Did you mean --api-key?"],
])("%j is answered with what is wrong and what to type", (argv, said) => {
  expect(misuse(...argv)).toContain(said);
});

test("whatever is typed, parsing neither throws nor hangs", () => {
  const token = fc.oneof(
    fc.string(),
    fc.constantFrom(
      "--",
      "-",
      "-S",
      "--set",
      "run",
      "runs",
      "--json",
      "--model",
      "-f",
      "@last",
      "=",
    ),
  );
  fc.assert(
    fc.property(fc.array(token, { size: "medium" }), (argv) => {
      parseCommandLine(argv);
    }),
    { seed: 1, numRuns: 500 },
  );
});

test("the nearest word is one slip away, or two in a long one", () => {
  expect(editDistance("attahc", "attach")).toBe(1);
  expect(editDistance("", "abc")).toBe(3);
  expect(nearest("rnu", ["run", "runs"])).toBe("run");
  expect(nearest("sort", ["show", "import"])).toBeUndefined();
  expect(nearest("base", ["base-branch", "model"])).toBe("base-branch");
});

test("help names every command and every flag of it, and no line is wider than a terminal", () => {
  for (const name of COMMAND_NAMES) {
    expect(generalHelp()).toContain(`  ${name}`);
    const text = commandHelp(name);
    for (const flag of commandSpec(name).flags) expect(text, flag).toContain(`--${flag}`);
  }
  const all = [generalHelp(), ...COMMAND_NAMES.map(commandHelp)].join("");
  expect(all.split("\n").filter((line) => line.length > 100)).toEqual([]);
  expect(generalHelp().indexOf("Examples:")).toBeLessThan(generalHelp().indexOf("Commands:"));
});

test("every flag of a command is in the table, and each value has a placeholder a person understands", () => {
  for (const name of COMMAND_NAMES) {
    for (const flag of commandSpec(name).flags as readonly FlagName[]) {
      expect(flagSpec(flag).help).not.toBe("");
    }
    expect(new Set(commandSpec(name).flags).size).toBe(commandSpec(name).flags.length);
  }
  expect(understood("help", "import")).toMatchObject({ command: "import" });
});
