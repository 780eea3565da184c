export * from "./clock.ts";
export * from "./intents.ts";
export * from "./mailbox.ts";
export * from "./step.ts";
