import {
  type AgentPlugin,
  claudeCode,
  declaredPlugin,
  findPlugin,
  keyOf,
  OPENAI_LIKE,
  pluginNames,
  resolveCredentials,
} from "@pitaya/plugins";
import { PluginDeclaration } from "@pitaya/protocol";
import { describe, expect, it } from "vitest";
import type { Trust } from "../settings/layers.ts";
import { variablesFrom } from "../settings/variables.rules.ts";
import { checkAddress } from "./agent-address.rules.ts";

/** Of several providers, chosen by variables. */
const several: AgentPlugin = {
  ...claudeCode,
  name: "several",
  credentials: OPENAI_LIKE.map((provider) => keyOf(provider)),
  providers: OPENAI_LIKE,
  providerVariables: {
    ...{ provider: "CODEX_MODEL_PROVIDER", keyName: "CODEX_ENV_KEY" },
    ...{ key: "CODEX_API_KEY", baseUrl: "CODEX_BASE_URL" },
  },
};
const declared = declaredPlugin(
  "declared",
  PluginDeclaration.parse({ argv: ["x"], credentials: ["X_KEY"], baseUrlEnv: "X_URL" }),
);
const plugins = [...pluginNames.map(findPlugin), several, declared];

/** Each address a plugin takes from a variable, with a key that would go there. */
const addresses = plugins.flatMap((plugin) => {
  const { baseUrlSource, providers = [], credentials, environment = [] } = plugin;
  const own = [...credentials.map(({ source }) => source), ...environment];
  const ofPlugin = baseUrlSource === undefined ? [] : own.map((key) => [key, baseUrlSource]);
  const ofProviders = providers.map(({ key, baseUrlSource: url }) => [key, url]);
  return [...ofPlugin, ...ofProviders].map(([key = "", url = ""]) => ({ plugin, key, url }));
});

type Env = Readonly<Record<string, string>>;

function check(plugin: AgentPlugin, env: Env, file: Env, trust: Trust, flags = {}): void {
  const variables = variablesFrom(env, {
    layer: { source: ".env", file: { path: "/repo/.env", shown: ".env", trust } },
    variables: file,
    as: (name) => ({ as: `.env:1: ${name}` }),
  });
  checkAddress(variables, resolveCredentials(plugin, { env: variables.all, ...flags }));
}

const ADDRESS = "https://proxy.example/v1";
const elsewhere = expect.objectContaining({
  message: expect.stringContaining("to an address that the repository chose"),
});
const untrusted = expect.objectContaining({ code: "untrusted" });

describe.each(addresses)("$url of $plugin.name, for $key", ({ plugin, key, url }) => {
  it.each(["trusted", "untrusted", "changed"] as const)(
    "in a file that is %s is not for a key from elsewhere",
    (trust) => {
      const file = { [url]: ADDRESS };
      expect(() => check(plugin, { [key]: "k" }, file, trust)).toThrow(elsewhere);
      const [flag] = plugin.credentials.filter(({ env }) => env === key).map((rule) => rule.flag);
      if (flag === undefined || plugin.providers) return;
      const given = flag === "api-key" ? { apiKey: "k" } : { oauthToken: "k" };
      expect(() => check(plugin, {}, file, trust, given)).toThrow(elsewhere);
    },
  );

  it("beside its key in a file holds once that is trusted", () => {
    const file = { [url]: ADDRESS, [key]: "k" };
    expect(() => check(plugin, {}, file, "untrusted")).toThrow(untrusted);
    check(plugin, {}, file, "trusted");
  });

  it("of the user's own holds, and so does one by flag", () => {
    check(plugin, { [url]: ADDRESS, [key]: "k" }, {}, "untrusted");
    const flags = { baseUrl: ADDRESS };
    check(plugin, { [key]: "k" }, { [url]: "https://evil.example" }, "untrusted", flags);
  });
});

describe("a choice of provider in the repository's file", () => {
  const groq = { GROQ_API_KEY: "g" };

  it("of a provider with a key of its own holds once it is trusted", () => {
    const file = { CODEX_MODEL_PROVIDER: "groq" };
    expect(() => check(several, groq, file, "untrusted")).toThrow(untrusted);
    check(several, groq, file, "trusted");
  });

  it.each<[string, Env, Env, object]>([
    ["a key meant for another", { CODEX_API_KEY: "c" }, { CODEX_MODEL_PROVIDER: "groq" }, {}],
    ["a key by flag", {}, { CODEX_MODEL_PROVIDER: "groq" }, { apiKey: "k" }],
    ["a variable of the user's", { ACME_TOKEN: "t" }, { CODEX_ENV_KEY: "ACME_TOKEN" }, {}],
    ["the plugin's key", { CODEX_API_KEY: "c" }, { CODEX_BASE_URL: ADDRESS }, {}],
  ])("is never for %s", (_, env, file, flags) => {
    const all = { ACME_TOKEN_BASE_URL: ADDRESS, ...env };
    expect(() => check(several, all, file, "trusted", flags)).toThrow(elsewhere);
  });
});
