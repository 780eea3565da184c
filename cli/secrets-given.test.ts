import { expect, test } from "vitest";
import { secretsGiven } from "./secrets-given.rules.ts";

test("secrets are found wherever this process was given them", () => {
  const flags = new Map([
    ["api-key", ["flag-key"]],
    ["nats", ["nats://me:nats-password@host:4222"]],
  ]) as never;
  const env = { ANTHROPIC_API_KEY: "env-key", CLAUDE_CODE_OAUTH_TOKEN: "token", HOME: "/home/ada" };
  expect(secretsGiven({ flags }, env)).toEqual(["flag-key", "env-key", "token", "nats-password"]);
  const named = { CODEX_ENV_KEY: "ACME_TOKEN", ACME_TOKEN: "acme", OTHER_TOKEN: "other" };
  expect(secretsGiven({ flags: new Map() }, named)).toEqual(["acme"]);
});
