import { describe, expect, it } from "vitest";
import { type CredentialSources, resolveCredentials } from "./credentials.ts";
import type { AgentPlugin } from "./plugin.port.ts";
import { anthropic, keyOf, OPENAI_LIKE } from "./providers.ts";

const [openai] = OPENAI_LIKE;
const plain = {
  defaultImage: "image",
  capabilities: { resume: true, cost: false, tokens: true, maxTurns: false, outputSchema: true },
  check: () => [],
  command: () => ({ argv: ["agent"], env: {} }),
  sessionFiles: () => [],
  parser: () => ({ push: () => [], end: () => ({ records: [], result: {} }) }),
} satisfies Partial<AgentPlugin>;

/** As the variables of codex are. */
const byVariables: AgentPlugin = {
  ...plain,
  name: "by-variables",
  credentials: [
    ...(openai ? [keyOf(openai, "CODEX_API_KEY")] : []),
    ...OPENAI_LIKE.map((provider) => keyOf(provider)),
  ],
  providers: OPENAI_LIKE,
  providerVariables: {
    provider: "CODEX_MODEL_PROVIDER",
    keyName: "CODEX_ENV_KEY",
    key: "CODEX_API_KEY",
    baseUrl: "CODEX_BASE_URL",
  },
};

const byModel: AgentPlugin = {
  ...plain,
  name: "by-model",
  credentials: [anthropic, ...OPENAI_LIKE].map((provider) => keyOf(provider)),
  providers: [anthropic, ...OPENAI_LIKE],
  providerOf: (model) => model.split("/", 1)[0],
};

type Env = CredentialSources["env"];
const resolve = (env: Env, more: Partial<CredentialSources> = {}, plugin = byVariables) =>
  resolveCredentials(plugin, { env, ...more });

describe("the provider whose key is there is used", () => {
  it.each(OPENAI_LIKE.map(({ name, key, baseUrlSource }) => [name, key, baseUrlSource] as const))(
    "%s, its key under its own name and its address beside it",
    (provider, key, source) => {
      const address = "https://models.example/v1";
      expect(resolve({ [key]: "secret", [source]: address })).toEqual({
        ...{ mode: "api", secrets: { [key]: "secret" }, from: key, givenBy: [key], unused: [] },
        ...{ provider, baseUrl: address, addressedBy: [source] },
      });
    },
  );

  it("the first one of several, and the others are told of", () => {
    const env = { GROQ_API_KEY: "g", OPENAI_API_KEY: "o", CODEX_API_KEY: "c" };
    expect(resolve(env)).toMatchObject({
      provider: "openai",
      secrets: { OPENAI_API_KEY: "c" },
      from: "CODEX_API_KEY",
      unused: ["OPENAI_API_KEY", "GROQ_API_KEY"],
    });
    expect(resolve({ ...env, CODEX_API_KEY: "", OPENAI_API_KEY: " " })).toMatchObject({
      provider: "groq",
      from: "GROQ_API_KEY",
      unused: [],
    });
  });

  it("never with the address of another", () => {
    const found = resolve({ GROQ_API_KEY: "g", OPENAI_BASE_URL: "https://o.example" });
    expect(found).toMatchObject({ provider: "groq", addressedBy: [] });
    expect(found.baseUrl).toBeUndefined();
  });

  it("or one that needs none, by its address alone", () => {
    expect(resolve({ OLLAMA_BASE_URL: "http://10.0.0.7:11434/v1" })).toEqual({
      ...{ mode: "api", secrets: {}, from: "OLLAMA_BASE_URL", givenBy: [], unused: [] },
      provider: "ollama",
      ...{ baseUrl: "http://10.0.0.7:11434/v1", addressedBy: ["OLLAMA_BASE_URL"] },
    });
    const both = { OLLAMA_BASE_URL: "http://10.0.0.7:11434/v1", MISTRAL_API_KEY: "m" };
    expect(resolve(both)).toMatchObject({ provider: "mistral", secrets: { MISTRAL_API_KEY: "m" } });
  });

  it("and where nothing is there, it is said what to set", () => {
    expect(() => resolve({})).toThrow(
      expect.objectContaining({
        code: "credentials_missing",
        message: "no credentials for by-variables",
        hint: "set CODEX_API_KEY, OPENAI_API_KEY, OPENROUTER_API_KEY, AZURE_OPENAI_API_KEY, GROQ_API_KEY, MISTRAL_API_KEY, GEMINI_API_KEY, DEEPSEEK_API_KEY, OLLAMA_API_KEY or --api-key, or OLLAMA_BASE_URL alone",
      }),
    );
    expect(() => resolve({ OPENAI_API_KEY: "o" }, { mode: "subscription" })).toThrow(
      expect.objectContaining({
        code: "credentials_missing",
        hint: "by-variables has no credential of that kind",
      }),
    );
  });

  it("one without an address of its own has to be given one", () => {
    expect(() => resolve({ AZURE_OPENAI_API_KEY: "a" })).toThrow(
      expect.objectContaining({
        code: "usage",
        message: "by-variables: azure_openai has no address",
        hint: "set CODEX_BASE_URL or AZURE_OPENAI_BASE_URL, or give --base-url",
      }),
    );
  });
});

describe("variables choose", () => {
  it("a provider by its name", () => {
    const env = { OPENAI_API_KEY: "o", GROQ_API_KEY: "g", CODEX_MODEL_PROVIDER: "Groq" };
    expect(resolve(env)).toMatchObject({
      ...{ provider: "groq", secrets: { GROQ_API_KEY: "g" }, unused: [] },
      ...{ addressedBy: [], chosenBy: "CODEX_MODEL_PROVIDER" },
    });
    // A key that is not that provider's own goes where the name says.
    expect(resolve({ ...env, CODEX_API_KEY: "c" })).toMatchObject({
      ...{ secrets: { GROQ_API_KEY: "c" }, addressedBy: ["CODEX_MODEL_PROVIDER"] },
    });
    expect(resolve(env, { apiKey: "flag" }).secrets).toEqual({ GROQ_API_KEY: "flag" });
    expect(() => resolve({ OPENAI_API_KEY: "o", CODEX_MODEL_PROVIDER: "groq" })).toThrow(
      expect.objectContaining({ hint: "set CODEX_API_KEY, GROQ_API_KEY or --api-key" }),
    );
  });

  it("the variable with the key", () => {
    const env = { OPENAI_API_KEY: "o", CODEX_API_KEY: "c", CODEX_ENV_KEY: "GROQ_API_KEY" };
    expect(resolve({ ...env, GROQ_API_KEY: "g" })).toMatchObject({
      ...{ provider: "groq", secrets: { GROQ_API_KEY: "g" }, from: "GROQ_API_KEY" },
    });
  });

  it("a provider of the user's own, which needs an address", () => {
    const env = { CODEX_ENV_KEY: "ACME_API_KEY", ACME_API_KEY: "a", OPENAI_API_KEY: "o" };
    const address = "https://acme.example/v1";
    expect(resolve({ ...env, ACME_BASE_URL: address })).toMatchObject({
      ...{ provider: "acme", secrets: { ACME_API_KEY: "a" }, baseUrl: address },
      addressedBy: ["ACME_BASE_URL", "CODEX_ENV_KEY"],
    });
    const named = { ...env, CODEX_MODEL_PROVIDER: "acme-eu", CODEX_BASE_URL: address };
    expect(resolve(named)).toMatchObject({ provider: "acme-eu", baseUrl: address });
    expect(() => resolve({ CODEX_MODEL_PROVIDER: "acme", ACME_API_KEY: "a" })).toThrow(
      "acme has no address",
    );
  });

  it("an address, which is for the first provider's key where none is named", () => {
    const address = "https://acme.example/v1";
    expect(resolve({ CODEX_BASE_URL: address, OPENAI_API_KEY: "o" })).toMatchObject({
      ...{ provider: "openai", baseUrl: address, addressedBy: ["CODEX_BASE_URL"] },
    });
    expect(() => resolve({ CODEX_BASE_URL: address, GROQ_API_KEY: "g" })).toThrow(
      expect.objectContaining({ code: "credentials_missing" }),
    );
  });

  it.each([
    ["CODEX_ENV_KEY", "PATH"],
    ["CODEX_ENV_KEY", "LD_PRELOAD"],
    ["CODEX_ENV_KEY", "a key"],
    ["CODEX_MODEL_PROVIDER", "a=b"],
    ["CODEX_MODEL_PROVIDER", "../x"],
  ])("nothing by %s=%s", (variable, value) => {
    expect(() => resolve({ [variable]: value, OPENAI_API_KEY: "o" })).toThrow(
      expect.objectContaining({ code: "usage", message: expect.stringContaining(variable) }),
    );
  });
});

it("a model's name chooses its provider, whatever other keys there are", () => {
  const env = { ANTHROPIC_API_KEY: "a", GROQ_API_KEY: "g", CODEX_API_KEY: "c" };
  expect(resolve(env, { model: "groq/llama" }, byModel)).toMatchObject({
    ...{ provider: "groq", secrets: { GROQ_API_KEY: "g" } },
  });
  expect(resolve(env, {}, byModel)).toMatchObject({ provider: "anthropic" });
  expect(() => resolve(env, { model: "mistral/x" }, byModel)).toThrow(
    expect.objectContaining({ hint: "set MISTRAL_API_KEY or --api-key" }),
  );
});
