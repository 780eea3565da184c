import { describe, expect, it } from "vitest";
import { claudeCode } from "./claude-code.ts";
import { type CredentialSources, resolveCredentials } from "./credentials.ts";
import { findPlugin, pluginNames } from "./registry.ts";

const env = {
  ANTHROPIC_API_KEY: "key",
  CLAUDE_CODE_OAUTH_TOKEN: "token",
  OPENAI_API_KEY: "other",
};
const resolve = (sources: Partial<CredentialSources>) =>
  resolveCredentials(claudeCode, { env, ...sources });

describe("credentials", () => {
  it("are the subscription's before the key's, and nothing of another provider", () => {
    expect(resolve({})).toEqual({
      mode: "subscription",
      secrets: { CLAUDE_CODE_OAUTH_TOKEN: "token" },
      from: "CLAUDE_CODE_OAUTH_TOKEN",
      givenBy: ["CLAUDE_CODE_OAUTH_TOKEN"],
      unused: ["ANTHROPIC_API_KEY"],
      addressedBy: [],
    });
    expect(resolve({ apiKey: "k", oauthToken: "t" }).secrets).toEqual({
      CLAUDE_CODE_OAUTH_TOKEN: "t",
    });
  });

  it("follow the mode", () => {
    expect(resolve({ mode: "api" }).secrets).toEqual({ ANTHROPIC_API_KEY: "key" });
    expect(resolve({ mode: "subscription" }).secrets).toEqual({ CLAUDE_CODE_OAUTH_TOKEN: "token" });
    expect(() => resolve({ mode: "api", env: { CLAUDE_CODE_OAUTH_TOKEN: "token" } })).toThrow(
      expect.objectContaining({
        code: "credentials_missing",
        message: "no credentials for claude-code in mode api",
        hint: "set ANTHROPIC_API_KEY or --api-key",
      }),
    );
  });

  it("given by a flag go before those of the environment, whatever their kind", () => {
    expect(resolve({ apiKey: "flag" })).toMatchObject({
      mode: "api",
      secrets: { ANTHROPIC_API_KEY: "flag" },
      from: "--api-key",
    });
  });

  it("that are named on the command line are never left aside", () => {
    const refused = (why: string) => expect.objectContaining({ code: "usage", message: why });
    expect(() => resolve({ mode: "api", oauthToken: "t" })).toThrow(
      refused("--oauth-token is nothing for --mode api"),
    );
    const program = findPlugin("command");
    expect(() => resolveCredentials(program, { env, apiKey: "k" })).toThrow(
      refused("command takes no --api-key"),
    );
    expect(() => resolveCredentials(program, { env, mode: "api" })).toThrow(
      refused("command takes no --mode"),
    );
    expect(() => resolveCredentials(findPlugin("codex"), { env, oauthToken: "t" })).toThrow(
      refused("codex takes no --oauth-token"),
    );
    // Of two that were both named, the other one is told of.
    expect(resolve({ apiKey: "k", oauthToken: "t" }).unused).toContain("--api-key");
  });

  it("that are missing are asked for by name; blank is missing", () => {
    expect(() => resolve({ env: { ANTHROPIC_API_KEY: " " } })).toThrow(
      expect.objectContaining({
        code: "credentials_missing",
        hint: "set CLAUDE_CODE_OAUTH_TOKEN or --oauth-token, or ANTHROPIC_API_KEY or --api-key",
      }),
    );
  });

  it("lose the line's end that came with them, and may hold no other white space", () => {
    expect(resolve({ apiKey: "key\n" }).secrets).toEqual({ ANTHROPIC_API_KEY: "key" });
    expect(() => resolve({ apiKey: "two words" })).toThrow(
      expect.objectContaining({ code: "usage" }),
    );
    expect(() => resolve({ apiKey: "two words" })).not.toThrow("two words");
  });

  it.each(["schlüssel", "key\u200b", "k".repeat(40_000)])("are not %.12s", (apiKey) => {
    expect(() => resolve({ apiKey })).toThrow(expect.objectContaining({ code: "usage" }));
    expect(() => resolve({ apiKey })).toThrow("--api-key");
    expect(() => resolve({ apiKey })).not.toThrow(apiKey);
  });
});

describe("the base URL", () => {
  const withUrl = { ...env, ANTHROPIC_BASE_URL: "https://env.example/v1" };

  it("is the flag's before the environment's", () => {
    expect(resolve({ env: withUrl }).baseUrl).toBe("https://env.example/v1");
    expect(resolve({ env: withUrl, baseUrl: "http://10.0.0.1:8080/x" }).baseUrl).toBe(
      "http://10.0.0.1:8080/x",
    );
  });

  it.each(["not a url", "ftp://host/x", "https://user:secret@host/x", "host:8080"])(
    "%s is refused",
    (baseUrl) => {
      expect(() => resolve({ baseUrl })).toThrow(expect.objectContaining({ code: "usage" }));
      expect(() => resolve({ baseUrl })).not.toThrow("secret");
    },
  );
});

it("an unknown plugin is answered with those there are", () => {
  expect(findPlugin("claude-code")).toBe(claudeCode);
  expect(() => findPlugin("cladue")).toThrow(
    expect.objectContaining({ code: "usage", hint: `plugins: ${pluginNames.join(", ")}` }),
  );
});
