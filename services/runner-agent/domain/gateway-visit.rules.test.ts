import { claudeCode, codex, command } from "@pitaya/plugins";
import { describe, expect, it } from "vitest";
import { sampleTask } from "../testing/sample-task.ts";
import { hiddenSecrets, proxyEnv, visitedUrl, visitOf } from "./gateway-visit.rules.ts";

const sample = sampleTask();
const agent = (more: object) => ({ agent: { ...sample.agent, baseUrl: undefined, ...more } });
const visit = (over: object, plugin: Parameters<typeof visitOf>[1] = claudeCode) =>
  visitOf({ ...sample, ...agent({}), ...over } as typeof sample, plugin);

describe("an attempt uses the gateway", () => {
  it("for all that it reaches with the network proxy", () => {
    const provider = { url: "https://api.anthropic.com", speaksChatOnly: false };
    expect(visit({ network: "proxy" })).toEqual({ provider });
    expect(visit({ network: "proxy" }, command)).toEqual({});
    expect(visit({ network: "proxy", verify: { command: "true", files: [] } })).toEqual({});
  });

  it("online where its provider's interface has to be translated for it, else never", () => {
    const provider = { url: "https://api.mistral.ai/v1", speaksChatOnly: true };
    expect(visit({ network: "online", ...agent({ provider: "mistral" }) }, codex)).toEqual({
      provider,
    });
    const own = agent({ provider: "mine", baseUrl: "https://llm.example/v1/chat/completions" });
    expect(visit({ network: "online", ...own }, codex)).toEqual({
      provider: { url: "https://llm.example/v1", speaksChatOnly: true },
    });
    expect(visit({ network: "online", ...agent({ provider: "openai" }) }, codex)).toBeUndefined();
    expect(visit({ network: "online" })).toBeUndefined();
    expect(visit({ network: "offline", ...own }, codex)).toBeUndefined();
  });
});

describe("an agent at the gateway", () => {
  const own = { token: "t", provider: { url: "https://a.example", speaksChatOnly: false } };

  it("has placeholders for its credentials, and the gateway knows which stands for which", () => {
    const { shown, keys } = hiddenSecrets(own, { A_KEY: "one", B_KEY: "two" });
    expect(JSON.stringify(shown)).not.toMatch(/one|two/);
    expect(keys.map(({ placeholder, value }) => [placeholder, value])).toEqual([
      [shown["A_KEY"], "one"],
      [shown["B_KEY"], "two"],
    ]);
    expect(new Set(Object.values(shown)).size).toBe(2);
  });

  it("has its credentials as they are where no provider is called by an address", () => {
    expect(hiddenSecrets({ token: "t" }, { A_KEY: "one" })).toEqual({
      shown: { A_KEY: "one" },
      keys: [],
    });
    expect(hiddenSecrets(undefined, { A_KEY: "one" })).toEqual({
      shown: { A_KEY: "one" },
      keys: [],
    });
  });

  it("finds it by its token", () => {
    expect(visitedUrl(own)).toBe("http://gateway.pitaya.internal:21128/t");
    expect(proxyEnv(own)).toMatchObject({
      https_proxy: "http://pitaya:t@gateway.pitaya.internal:21128",
      NO_PROXY: expect.stringContaining("gateway.pitaya.internal"),
    });
  });
});
