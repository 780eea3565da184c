import { DEFAULT_LIMITS } from "@pitaya/protocol";
import { expect, test } from "vitest";
import { FLAG_NAMES, flagSpec } from "../command-line/flags.ts";
import { parseCommandLine } from "../command-line/parse.rules.ts";
import { variableValues } from "./from-env.rules.ts";
import { flagLayer } from "./from-flags.rules.ts";
import { readYamlSettings } from "./from-yaml.rules.ts";
import { SETTING_KEYS } from "./keys.ts";
import { resolveSettings } from "./resolve.rules.ts";
import { Settings } from "./schema.ts";

function settings(argv: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const parsed = parseCommandLine(argv);
  if (!parsed.ok) throw new Error(parsed.misuse.message);
  const values = variableValues(env, (name) => ({ as: name }));
  return resolveSettings([flagLayer(parsed.invocation), { source: "env", values }]);
}

test("the schema has an entry for every key, and every flag's setting is a key", () => {
  expect(Object.keys(Settings.shape)).toEqual([...SETTING_KEYS]);
  for (const name of FLAG_NAMES) {
    const { setting } = flagSpec(name);
    if (setting !== undefined) expect(SETTING_KEYS).toContain(setting);
  }
});

test("without anything said every setting is its default", () => {
  const { values, sources } = settings(["p"]);
  expect(values).toMatchObject({
    ...{ plugin_name: "claude-code", strategy: "simple", runs: 1, output: "streaming" },
    ...{ import_policy: "auto", import_conflict_policy: "fail" },
    "runner.timeout": DEFAULT_LIMITS.timeoutMs / 1000,
    "orchestration.max_parallel_instances": "auto",
  });
  expect(values.model).toBeUndefined();
  expect(new Set(sources.values())).toEqual(new Set(["default"]));
});

test("a flag goes before the environment, and that before the default, key by key", () => {
  const env = { PITAYA_MODEL: "haiku", PITAYA_RUNNER__TIMEOUT: "60", PITAYA_STRATEGY: "" };
  const { values, sources } = settings(["p", "--model", "opus"], env);
  expect([values.model, values["runner.timeout"], values.strategy]).toEqual(["opus", 60, "simple"]);
  expect([sources.get("model"), sources.get("runner.timeout"), sources.get("strategy")]).toEqual([
    "flag",
    "env",
    "default",
  ]);
});

test("hosts that agents may reach are a list, or a text with commas, and nothing but hosts", () => {
  const allow = (text: string) =>
    settings(["p"], { PITAYA_RUNNER__NETWORK_ALLOW: text }).values["runner.network_allow"];
  expect(allow("a.example, *.b.example:8443,10.0.0.5:80")).toEqual([
    "a.example",
    "*.b.example:8443",
    "10.0.0.5:80",
  ]);
  expect(allow('["[2001:db8::1]:443"]')).toEqual(["[2001:db8::1]:443"]);
  for (const wrong of ["*", "https://a.example", "a.example:0", "a b", "*.*.example", "a@b"]) {
    expect(() => allow(wrong)).toThrow("expected hosts");
  }
});

test("environment names are the keys, levels by two underscores; the server's are short", () => {
  const env = {
    PITAYA_NATS_URL: "nats://a",
    PITAYA_NATS__CREDS: "/c",
    PITAYA_ORCHESTRATION__ALLOW_OVERWRITE_PROTECTED_REFS: "yes",
    PITAYA_RUNS: "7",
    PITAYA_RUNNER__MEMORY_LIMIT: "512m",
  };
  expect(settings(["p"], env).values).toMatchObject({
    "nats.url": "nats://a",
    "nats.creds": "/c",
    "orchestration.allow_overwrite_protected_refs": true,
    runs: 1,
    "runner.memory_limit": 512 * 1024 ** 2,
  });
});

test.each([
  [{ PITAYA_RUNNER__MEMORY_LIMIT: "4g" }, "runner.memory_limit", 4 * 1024 ** 3],
  [{ PITAYA_RUNNER__MEMORY_LIMIT: "67108864" }, "runner.memory_limit", 64 * 1024 ** 2],
  [{ PITAYA_RUNNER__DISK_LIMIT: "1.5GiB" }, "runner.disk_limit", 1.5 * 1024 ** 3],
  [{ PITAYA_RUNNER__CPU_LIMIT: "0.5" }, "runner.cpu_limit", 0.5],
  [{ PITAYA_SKIP_EMPTY_IMPORT: "off" }, "skip_empty_import", false],
  [
    { PITAYA_ORCHESTRATION__MAX_PARALLEL_INSTANCES: "auto" },
    "orchestration.max_parallel_instances",
    "auto",
  ],
] as const)("%j reads as %s = %s", (env, key, value) => {
  expect(settings(["p"], env as never).values[key]).toBe(value);
});

test("a wrong value is told by the place it was written in, all of them at once", () => {
  const env = { PITAYA_IMPORT_POLICY: "sometimes" };
  const wrong = () => settings(["p", "--timeout", "soon", "--max-parallel", "0"], env);
  expect(wrong).toThrow(/--timeout: expected a number of seconds, not "soon"/);
  expect(wrong).toThrow(/--max-parallel: expected at least 1, not "0"/);
  expect(wrong).toThrow(/PITAYA_IMPORT_POLICY: expected one of auto, never, always/);
});

test("variables give parameters of strategies and declared plugins too", () => {
  const { chosen, plugins } = settings(["p"], {
    PITAYA_STRATEGIES__BEST_OF_N__N: "7",
    PITAYA_PLUGINS__MY_TOOL: '{"argv": ["tool", "{prompt}"]}',
    PITAYA_PLUGINS__MY_TOOL__IMAGE: "tools:1",
  });
  expect(chosen.get("strategies.best-of-n.n")?.value).toBe(7);
  expect(plugins.get("my-tool")).toMatchObject({ argv: ["tool", "{prompt}"], image: "tools:1" });
});

test("what is wrong with a declared plugin is told by its name, its place, and why", () => {
  const text =
    "plugins:\n  w:\n    argv: []\n    base_url_env: x\n    env:\n      LD_PRELOAD: /x.so\n";
  const { values } = readYamlSettings(text, "pitaya.yaml");
  const file = { path: "/pitaya.yaml", shown: "pitaya.yaml" };
  const wrong = () => resolveSettings([{ source: "project", values, file }]);
  expect(wrong).toThrow("pitaya.yaml:3: plugins.w: argv: expected the words of a command line");
  expect(wrong).toThrow("pitaya.yaml:4: plugins.w: base_url_env: expected the name of a variable");
  expect(wrong).toThrow(
    "pitaya.yaml:6: plugins.w: env.LD_PRELOAD: LD_PRELOAD decides what programs load",
  );
  const env = { PITAYA_PLUGINS__W: '{"argv":["w"],"image":1}' };
  expect(() => settings(["p"], env)).toThrow("PITAYA_PLUGINS__W: image: ");
});

test("a limit with which nothing can start is a wrong value, for a run and what is laid over one", () => {
  const env = { PITAYA_RUNNER__DISK_LIMIT: "1k", PITAYA_RUNNER__PIDS_LIMIT: "1" };
  for (const argv of [["p"], ["resume", "@last", "--override-config"]]) {
    const wrong = () => settings([...argv, "--memory", "1", "--cpu", "0.001"], env);
    expect(wrong).toThrow(/--memory: expected at least 64m, not "1"/);
    expect(wrong).toThrow(/--cpu: expected at least 0.01 cores, not "0.001"/);
    expect(wrong).toThrow(/PITAYA_RUNNER__DISK_LIMIT: expected at least 16m, not "1k"/);
    expect(wrong).toThrow(/PITAYA_RUNNER__PIDS_LIMIT: expected at least 32, not "1"/);
  }
});

test("--json is the JSON output of a run, and of another command its own affair", () => {
  expect(settings(["p", "--json"]).values.output).toBe("json");
  expect(settings(["runs", "--json"]).sources.get("output")).toBe("default");
});
