import { opencode } from "@pitaya/plugins";
import { pluginFaults } from "./plugin-faults.contract.ts";

const AS_RECORDED = "it takes a minute of its own patience; read from its transcript";
const SAME = "the same to it as wrongKey; read from its transcript";

pluginFaults({
  plugin: opencode,
  secrets: { ANTHROPIC_API_KEY: "sk-ant-not-a-real-key" },
  model: "anthropic/claude-sonnet-4-5",
  rows: {
    wrongKey: { says: /invalid x-api-key/, requests: 1 },
    noPermission: { lacks: SAME },
    noCredit: { lacks: SAME },
    unknownModel: { lacks: SAME },
    rateLimitShort: { says: /rate limit/, requests: 6, retryAfterMs: [1_000, 1_000] },
    // It waits as long as it is told: our limit of silence ends it.
    rateLimitLong: {
      ...{ says: /rate limit/, requests: 1, stallTimeoutMs: 30_000 },
      retryAfterMs: [60_000, 60_000],
    },
    overloaded: { lacks: AS_RECORDED },
    serverError: { lacks: AS_RECORDED },
    contextTooLong: { lacks: SAME },
    refusal: { lacks: SAME },
    maxTurns: { lacks: "it has no limit of turns" },
    budget: { lacks: "it has no budget" },
    connectionRefused: { lacks: AS_RECORDED },
    noResponse: { says: /gave no output for 8 s/ },
    streamStalled: { lacks: "the same to it as noResponse" },
    streamCut: { says: /committed/ },
    streamCutAlways: { lacks: AS_RECORDED },
    killed: { says: /KILL/ },
    neverExits: { says: /committed/ },
    severalResults: { lacks: "it writes no result but its answers" },
    subAgents: { lacks: "its sub-agents are its tools, and write no lines of their own" },
  },
});
