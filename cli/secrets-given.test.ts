import { expect, test } from "vitest";
import { secretsGiven } from "./secrets-given.rules.ts";

test("secrets are found wherever this process was given them", () => {
  const flags = new Map([
    ["api-key", ["flag-key"]],
    ["nats", ["nats://me:nats-password@host:4222"]],
  ]) as never;
  const env = { ANTHROPIC_API_KEY: "env-key", CLAUDE_CODE_OAUTH_TOKEN: "token", HOME: "/home/ada" };
  expect(secretsGiven({ flags }, env)).toEqual(["flag-key", "env-key", "token", "nats-password"]);
});
