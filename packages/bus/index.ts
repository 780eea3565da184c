export { type Credential, generateUser, readCredential } from "./auth/credential.ts";
export {
  authorizationConfig,
  type ServerConfigOptions,
  type ServerUser,
  serverConfig,
} from "./auth/server-config.ts";
export {
  type WriteAuthOptions,
  type WrittenAuth,
  writeAuth,
  writeAuthorization,
} from "./auth/write-auth.ts";
export type * from "./bus.port.ts";
export { type Chain, openChain } from "./chain.ts";
export { decode, encode } from "./codec.ts";
export type { BusLog, LinkOptions } from "./nats/link.ts";
export { type NatsBusOptions, natsBus } from "./nats/nats-bus.ts";
export { type ProvisionOptions, provision } from "./nats/provision.ts";
export { type Answer, answer, ask } from "./requests.ts";
export { type Sealer, sealer } from "./sealing.ts";
export { checkServerVersion } from "./server-version.rules.ts";
export { matchesFilter } from "./subject-filter.rules.ts";
export { loadText, storeText } from "./text.ts";
export type * from "./upkeep.port.ts";
