import fc from "fast-check";
import { expect, test } from "vitest";
import { readYamlSettings } from "./from-yaml.rules.ts";

const read = (text: string) => readYamlSettings(text, "pitaya.yaml");
const valuesOf = (text: string) =>
  Object.fromEntries([...read(text).values].map(([key, { value }]) => [key, value]));

test("the file of the user's description reads as it stands, its former key as a warning", () => {
  const text = `
model: sonnet
plugin_name: claude-code

runner:
  timeout: 3600
  cpu_limit: 2
  memory_limit: 4g
  network_egress: online  # online|offline|proxy
  docker_image: ghcr.io/me/codex-cli:mytag  # optional global override

orchestration:
  max_parallel_instances: auto
  branch_namespace: hierarchical
  snapshot_interval: 30

strategies:
  best-of-n:
    n: 5
  doc-review:
    reviewers_per_page: 2
`;
  expect(read(text).warnings).toEqual([]);
  expect(valuesOf(text)).toEqual({
    ...{ model: "sonnet", plugin_name: "claude-code", "runner.timeout": 3600 },
    ...{ "runner.cpu_limit": 2, "runner.memory_limit": "4g", "runner.network_egress": "online" },
    "runner.docker_image": "ghcr.io/me/codex-cli:mytag",
    "orchestration.max_parallel_instances": "auto",
    "orchestration.branch_namespace": "hierarchical",
    "orchestration.snapshot_interval": 30,
    "strategies.best-of-n.n": 5,
    "strategies.doc-review.reviewers_per_page": 2,
  });
});

test("every value knows its line, what a plugin holds too", () => {
  const { values } = read(
    "model: a\nrunner:\n  stall: 5\nplugins:\n  mine:\n    argv: [x]\n    image: y\n",
  );
  expect(values.get("model")).toMatchObject({ line: 1, as: "pitaya.yaml:1: model" });
  expect(values.get("runner.stall")?.line).toBe(3);
  expect(values.get("plugins.mine")).toMatchObject({ line: 5, value: { argv: ["x"], image: "y" } });
  expect(values.get("plugins.mine")?.lines?.get("image")).toBe(7);
});

test.each([
  ["", []],
  ["# nothing\n", []],
  ["\ufeffmodel: a\n", [["model", "a"]]],
  ["model:\nrunner:\nstrategies:\n", []],
  ["git_name", undefined],
  ["- a\n", undefined],
])("%j", (text, expected) => {
  if (expected === undefined) expect(() => read(text)).toThrow("pitaya.yaml:1: expected settings");
  else expect(Object.entries(valuesOf(text))).toEqual(expected);
});

test.each([
  [
    "runner:\n  timeot: 5\n",
    "pitaya.yaml:2: there is no setting runner.timeot; did you mean runner.timeout?",
  ],
  ["modle: x\n", "pitaya.yaml:1: there is no setting modle; did you mean model?"],
  ["timeout: 5\n", "there is no setting timeout; did you mean runner.timeout?"],
  ["runner:\n  shape: 5\n", "settings of runner: timeout, start_timeout"],
  ["runner.timeout: 5\n", "there is no setting runner.timeout"],
  ["runner: 5\n", "pitaya.yaml:1: runner holds settings of its own: settings of runner: timeout"],
  ["model: a\nmodel: b\n", "pitaya.yaml:2: model is given twice"],
  ["runner:\n  api_key: sk-123\n", "runner.api_key belongs into no file: set ANTHROPIC_API_KEY"],
  ["base_url: http://x\n", "base_url belongs into no file: set ANTHROPIC_BASE_URL"],
  ["runs: 5\n", "there is no setting runs"],
  ["strategies:\n  simple: 5\n", "pitaya.yaml:2: strategies.simple: expected parameters"],
  ["a: &a x\nmodel: *a\n", "pitaya.yaml:2: an alias (*) is not taken here"],
  ["model: !!js/function x\n", "pitaya.yaml:1: this is no YAML"],
  ["model: [a\n", "this is no YAML"],
  ["model: a\n---\nmodel: b\n", "this is no YAML"],
  ["? [a, b]\n: c\n", "pitaya.yaml:1: expected the name of a setting"],
  ["5: x\n", "pitaya.yaml:1: expected the name of a setting"],
] as const)("%j is refused by its line", (text, message) => {
  expect(() => read(text)).toThrow(message);
});

test("everything that is wrong is told at once, up to twenty", () => {
  expect(() => read("modle: x\nrunner:\n  timeot: 5\n")).toThrow(/:1: .*modle.*\n.*:3: .*timeot/);
  const many = Array.from({ length: 50 }, (_, i) => `x${i}: 1\n`).join("");
  expect(() => read(many)).toThrow("and 30 more");
});

test.each([
  ["output: tui\n", "output means nothing any more: give --output"],
  ["strategy_config:\n  n: 3\n", "strategy_config means nothing any more"],
  [
    "runner:\n  tmpfs_size_mb: 5\n",
    "runner.tmpfs_size_mb means nothing any more: runner.disk_limit",
  ],
  ["tui:\n  refresh_rate: 10\n", "tui means nothing any more"],
  ["logging:\n  level: INFO\n", "logging.level means nothing any more"],
])("a key of the earlier version is a warning that names its successor: %j", (text, message) => {
  const { warnings, values } = read(text);
  expect(warnings.join("\n")).toContain(message);
  expect(values.size).toBe(0);
});

test.each([
  ["nested lists", `a: ${"[".repeat(10_000)}`],
  ["nested and closed", `strategies: {s: {p: ${"[".repeat(500)}${"]".repeat(500)}}}`],
  ["nested mappings", Array.from({ length: 300 }, (_, i) => `${" ".repeat(i)}a:`).join("\n")],
  ["nested marks", "? ".repeat(5_000)],
  ["aliases of aliases", "a: &a [x, x]\nb: &b [*a, *a]\nstrategies: {s: {p: [*b, *b]}}"],
  ["quotes", '"'.repeat(10_000)],
  ["anchors", "&a ".repeat(5_000)],
])("%s cannot make it do more than refuse", (_, text) => {
  expect(() => read(text)).toThrow(/^pitaya\.yaml/);
});

test("no key reaches into what every object has", () => {
  expect(() => read("__proto__:\n  model: x\n")).toThrow("there is no setting __proto__");
  expect(() => read("constructor: x\n")).toThrow("there is no setting constructor");
  const { values } = read("strategies:\n  s:\n    p: {__proto__: {polluted: yes}}\n");
  const held = values.get("strategies.s.p")?.value;
  expect(Object.getPrototypeOf(held)).toBe(Object.prototype);
  expect(Object.keys(Object(held))).toEqual(["__proto__"]);
  expect(Object.prototype).not.toHaveProperty("polluted");
});

test("what a key says goes to the terminal as text only", () => {
  expect(() => read('"\\e[31mred": 1\n')).toThrow("there is no setting red");
});

test("whatever the text, it is settings or refused by the file's name", () => {
  const words = fc.constantFrom(
    ...[
      "model",
      "runner",
      "timeout",
      "strategies",
      "plugins",
      ": ",
      ":\n  ",
      "- ",
      "[",
      "]",
      "{",
      "}",
    ],
    ...[
      "*a",
      "&a ",
      "!!",
      "---\n",
      "#",
      "'",
      '"',
      "|\n",
      "? ",
      "\n",
      "\t",
      "\u2028",
      "5",
      "null",
      "<<",
    ],
  );
  const text = fc.array(fc.oneof(words, fc.string({ maxLength: 5 })), { maxLength: 40 });
  fc.assert(
    fc.property(text, (parts) => {
      try {
        read(parts.join(""));
      } catch (error) {
        expect(error).toMatchObject({
          code: "usage",
          message: expect.stringMatching(/^pitaya\.yaml/),
        });
      }
    }),
    { numRuns: 300 },
  );
});
