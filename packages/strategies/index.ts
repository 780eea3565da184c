export * from "./canonical-hash.ts";
export * from "./coerce-params.rules.ts";
export * from "./registry.ts";
export * from "./sdk.ts";
export * from "./strategy-host.ts";
