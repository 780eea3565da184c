import { memoryContract } from "./testing/memory.contract.ts";
import { damageContract } from "./testing/parser.contract.ts";
import { PLUGIN_SUITES } from "./testing/suites.ts";

/** Over all plugins, whose readers are also those of the formats: so many take a while. */
const MUTATIONS = 100_000;

for (const suite of PLUGIN_SUITES) {
  const mutations = Math.ceil(MUTATIONS / PLUGIN_SUITES.length);
  damageContract(suite, { mutations, seed: 1_000_000 });
  memoryContract(suite);
}
