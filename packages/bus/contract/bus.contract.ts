import { afterAll, beforeAll, describe } from "vitest";
import { blobsContract } from "./blobs.contract.ts";
import { bucketsContract } from "./buckets.contract.ts";
import { commandsContract } from "./commands.contract.ts";
import { eventsContract } from "./events.contract.ts";
import type { Harness } from "./harness.ts";
import { outputContract } from "./output.contract.ts";
import { requestsContract } from "./requests.contract.ts";
import { upkeepContract } from "./upkeep.contract.ts";

/** What every {@link Bus} promises. All tests of a file share one server. */
export function busContract(name: string, start: () => Promise<Harness>): void {
  describe(name, () => {
    let harness: Harness | undefined;
    const server = () => {
      if (harness === undefined) throw new Error("the server is not started");
      return harness;
    };
    beforeAll(async () => {
      harness = await start();
    });
    afterAll(() => harness?.stop());

    eventsContract(server);
    commandsContract(server);
    outputContract(server);
    blobsContract(server);
    bucketsContract(server);
    requestsContract(server);
    upkeepContract(server);
  });
}

export * from "./harness.ts";
export * from "./permission-probe.ts";
