export type * from "./bus.port.ts";
