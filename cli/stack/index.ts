export { connectStack, type StackOptions } from "./connect.ts";
export type { StackConnection } from "./connection.ts";
export type { BusAccess, EndReason, StackStatus } from "./messages.ts";
export {
  type DownOptions,
  type DownReport,
  type StackReport,
  stackDown,
  stackStatus,
  stackUp,
} from "./stack-commands.ts";
export type { LineEnd } from "./stack-line.ts";
