export {
  type Clock,
  systemClock,
  type VirtualClock,
  virtualClock,
} from "./memory/clock.ts";
export {
  type MemoryBroker,
  type MemoryBrokerOptions,
  memoryBroker,
  memoryBus,
} from "./memory/memory-broker.ts";
export { everythingStored, type StoredBytes } from "./nats/everything-stored.ts";
