import { claudeCode } from "@pitaya/plugins";
import { pluginFaults } from "./plugin-faults.contract.ts";

const ANY = /./;

pluginFaults({
  plugin: claudeCode,
  secrets: { ANTHROPIC_API_KEY: "sk-ant-not-a-real-key" },
  model: "sonnet",
  rows: {
    wrongKey: { says: /API key/, requests: 3 },
    noPermission: { says: /403/, requests: 1 },
    noCredit: { says: /credit balance is too low/i, requests: 1 },
    unknownModel: { says: /selected model/, requests: 2 },
    rateLimitShort: { says: /429/, requests: 3, retryAfterMs: [1_000, 2_000] },
    // How long the provider asked for, the CLI does not say: only that it is over a minute.
    rateLimitLong: { says: /429/, requests: 1, retryAfterMs: [60_000, 60_000] },
    overloaded: { says: /529/, requests: 3 },
    serverError: { says: /500/, requests: 3 },
    contextTooLong: { says: /too long/, requests: 1 },
    refusal: { says: ANY, requests: 2 },
    maxTurns: { says: /turns/, requests: 4, task: { maxTurns: 3 } },
    budget: { says: /budget/i, agent: { cliArgs: ["--max-budget-usd", "0.02"] } },
    connectionRefused: { says: /refused/i },
    noResponse: { says: /gave no output for 8 s/ },
    streamStalled: { says: /gave no output for 8 s/ },
    streamCut: { says: /committed/ },
    streamCutAlways: { says: ANY, requests: 6 },
    killed: { says: /KILL/ },
    neverExits: { says: /committed/ },
    severalResults: { says: /^A sub-agent writes hello/ },
    subAgents: { says: /A sub-agent wrote/ },
  },
});
