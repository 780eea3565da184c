import { gemini } from "@pitaya/plugins";
import type { Scenario } from "../../support/model-server/scenario.ts";
import { pluginFaults } from "./plugin-faults.contract.ts";

/** Google's own words: several refusals share a status. */
const refused = (status: number, message: string): Scenario => [
  { error: { status, type: "", message } },
];

const AS_RECORDED = "a pause of half a minute as in rateLimitShort; read from its transcript";

pluginFaults({
  plugin: gemini,
  secrets: { GEMINI_API_KEY: "not-a-real-key" },
  model: "gemini-2.5-flash",
  rows: {
    wrongKey: {
      says: /API key not valid/,
      requests: 1,
      scenario: refused(400, "API key not valid. Please pass a valid API key."),
    },
    noPermission: { says: /may not use/, requests: 1 },
    noCredit: { says: /credit balance is too low/i, requests: 1 },
    unknownModel: { says: /no-such-model/, requests: 1 },
    rateLimitShort: { says: /rate limit/, requests: 3, retryAfterMs: [1_000, 1_000] },
    rateLimitLong: { says: /rate limit/, requests: 1, retryAfterMs: [3_600_000, 3_600_000] },
    overloaded: { lacks: AS_RECORDED },
    serverError: { lacks: AS_RECORDED },
    contextTooLong: {
      says: /input token count/,
      requests: 1,
      scenario: refused(
        400,
        "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
      ),
    },
    refusal: { lacks: "it takes an answer that a filter stopped for any other" },
    maxTurns: { says: /turns/, requests: 3, task: { maxTurns: 3 } },
    budget: { lacks: "it has no budget of its own" },
    connectionRefused: { lacks: AS_RECORDED },
    noResponse: { says: /gave no output for 8 s/ },
    streamStalled: { lacks: "the same to it as noResponse" },
    // One whose stream broke makes no second request by itself.
    streamCut: { says: /terminated/, code: "provider_unreachable", retryable: true, requests: 1 },
    streamCutAlways: { lacks: "the same to it as streamCut" },
    // Its shell takes no `$(…)`.
    killed: {
      says: /KILL/,
      scenario: [{ bash: "read -r pid </tmp/agent.pid; kill -KILL $pid" }, { text: "Alive." }],
    },
    neverExits: { says: /committed/ },
    severalResults: { lacks: "it writes one result" },
    subAgents: { lacks: "its sub-agents are its tools, and write no lines of their own" },
  },
});
