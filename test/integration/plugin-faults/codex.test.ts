import { codex } from "@pitaya/plugins";
import { expect } from "vitest";
import { pluginFaults } from "./plugin-faults.contract.ts";

pluginFaults({
  plugin: codex,
  secrets: { OPENAI_API_KEY: "sk-not-a-real-key" },
  model: "gpt-5.5",
  baseUrlOf: (url) => `${url}/v1`,
  agent: { provider: "openai" },
  rows: {
    wrongKey: { says: /401 Unauthorized/, requests: 3 },
    noPermission: { says: /403 Forbidden/, requests: 3 },
    noCredit: { says: /credit balance is too low/, requests: 1 },
    unknownModel: { says: /404 Not Found: model: no-such-model/, requests: 3 },
    rateLimitShort: { says: /429/, requests: 3, retryAfterMs: [1_000, 1_000] },
    rateLimitLong: { says: /wait 3600 s/, requests: 1, retryAfterMs: [3_600_000, 3_600_000] },
    overloaded: { says: /529/, requests: 6 },
    serverError: { says: /high demand/, requests: 6 },
    contextTooLong: { says: /ran out of room/, requests: 1 },
    refusal: { says: /content_filter/, requests: 3 },
    maxTurns: { lacks: "codex exec has no limit of turns" },
    budget: { lacks: "codex exec has no budget" },
    connectionRefused: { says: /Connection failed/ },
    noResponse: { says: /gave no output for 8 s/ },
    streamStalled: { says: /gave no output for 8 s/ },
    streamCut: { says: /committed/ },
    streamCutAlways: { says: /stream disconnected/, requests: 3 },
    killed: {
      says: /KILL/,
      also: (end) =>
        // What was used until then is known, though its turn never ended.
        expect(end.account).toMatchObject({ usage: { inputTokens: 1512, cacheReadTokens: 9000 } }),
    },
    neverExits: { says: /committed/ },
    severalResults: { lacks: "codex exec has one turn, and so one result" },
    subAgents: { says: /A sub-agent wrote/, agent: { model: "gpt-6.1-sol" } },
  },
});
