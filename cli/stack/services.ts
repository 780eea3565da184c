import { PitayaError } from "@pitaya/protocol";
import type { StackServices } from "./services.port.ts";

export const services: StackServices = {
  async start() {
    throw new PitayaError("internal", "coordinator and runner-agent are not wired yet");
  },
};
