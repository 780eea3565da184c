import { PluginDeclaration } from "@pitaya/protocol";
import { describe, expect, it } from "vitest";
import { claudeCode } from "./claude-code.ts";
import { codex } from "./codex.ts";
import { declaredPlugin } from "./command.ts";
import { credentialsAgain } from "./credentials-again.ts";

const again = (
  plugin: Parameters<typeof credentialsAgain>[0],
  agent: Parameters<typeof credentialsAgain>[1],
  env: Readonly<Record<string, string>>,
  flags = {},
) => credentialsAgain(plugin, agent, { env, ...flags });

describe("an agent that goes on gets", () => {
  const groq = { provider: "groq", credentials: ["GROQ_API_KEY"] };

  it("the kind of credential it had, whatever else there is by now", () => {
    const env = { CLAUDE_CODE_OAUTH_TOKEN: "token", ANTHROPIC_API_KEY: "key" };
    expect(again(claudeCode, { credentials: ["ANTHROPIC_API_KEY"] }, env)).toEqual({
      ...{ secrets: { ANTHROPIC_API_KEY: "key" }, from: "ANTHROPIC_API_KEY" },
    });
  });

  it("the key of the provider it had, and no key meant for another", () => {
    const env = { OPENAI_API_KEY: "o", CODEX_API_KEY: "c", GROQ_API_KEY: "g" };
    expect(again(codex, groq, env).secrets).toEqual({ GROQ_API_KEY: "g" });
    expect(() => again(codex, groq, { OPENAI_API_KEY: "o", CODEX_API_KEY: "c" })).toThrow(
      expect.objectContaining({
        code: "credentials_missing",
        hint: "set GROQ_API_KEY or --api-key",
      }),
    );
  });

  it("the key that the variables choose, as when it was started", () => {
    const env = { CODEX_MODEL_PROVIDER: "groq", CODEX_API_KEY: "c", GROQ_API_KEY: "g" };
    expect(again(codex, groq, env)).toEqual({
      ...{ secrets: { GROQ_API_KEY: "c" }, from: "CODEX_API_KEY" },
    });
  });

  it("the key of a provider of the user's own, also where nothing names that any more", () => {
    const acme = { provider: "acme", credentials: ["ACME_API_KEY"] };
    const env = { ACME_API_KEY: "a", OPENAI_API_KEY: "o" };
    expect(again(codex, acme, env).secrets).toEqual({ ACME_API_KEY: "a" });
    expect(again(codex, acme, {}, { apiKey: "k" }).secrets).toEqual({ ACME_API_KEY: "k" });
  });

  it("nothing where it needs none, and all it names where it is declared", () => {
    const ollama = { provider: "ollama", credentials: [] };
    expect(again(codex, ollama, { OPENAI_API_KEY: "o" }).secrets).toEqual({});
    const declaration = PluginDeclaration.parse({ argv: ["x"], credentials: ["X_KEY"] });
    const declared = declaredPlugin("declared", declaration);
    const agent = { credentials: ["X_KEY"] };
    expect(again(declared, agent, { X_KEY: "x", Y_KEY: "y" }).secrets).toEqual({ X_KEY: "x" });
  });
});
