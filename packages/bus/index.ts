export type * from "./bus.port.ts";
export { type Chain, openChain } from "./chain.ts";
export { decode, encode } from "./codec.ts";
export { type Answer, answer, ask } from "./requests.ts";
export { type Sealer, sealer } from "./sealing.ts";
export { loadText, storeText } from "./text.ts";
