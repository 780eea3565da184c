export type * from "./plugin.port.ts";
