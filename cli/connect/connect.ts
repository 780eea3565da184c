import type { Connector } from "./connection.port.ts";

/** Connects to the server that is configured, otherwise to the embedded stack, starting it if need be. */
export const connect: Connector = async (options) => {
  if (options.natsUrl !== undefined) {
    const { connectRemote } = await import("./remote.ts");
    return connectRemote(options, options.natsUrl);
  }
  const { connectEmbedded } = await import("./embedded.ts");
  return connectEmbedded(options);
};
