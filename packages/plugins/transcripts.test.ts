import { damageContract, parserContract, transcriptSnapshots } from "./testing/parser.contract.ts";
import { FORMAT_SUITES, PLUGIN_SUITES } from "./testing/suites.ts";

for (const suite of PLUGIN_SUITES) transcriptSnapshots(suite);

for (const suite of [...PLUGIN_SUITES, ...FORMAT_SUITES]) {
  parserContract(suite);
  damageContract(suite, { mutations: 200, seed: 1 });
}
