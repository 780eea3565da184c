export { parseCommandLine } from "../command-line/parse.rules.ts";
export type { Connection } from "../connect/connection.port.ts";
export { bundleStrategy } from "../custom-strategy/bundle-strategy.ts";
export { handOverCredentials } from "../follow/credential-hand-over.ts";
export { interruptRun } from "../follow/stop-run.ts";
export { type Credentials, sealForCoordinators } from "../submit/sealed-credentials.ts";
export { submit } from "../submit/submit.ts";
