import Docker from "dockerode";

/** The image that docker/nats builds. */
const IMAGE = "pitaya-nats:latest";
const PORT = 4222;

let available: Promise<boolean> | undefined;

/** Whether an engine answers that has the image. It is never pulled: tests run without a network. */
export function natsContainerAvailable(): Promise<boolean> {
  available ??= new Docker()
    .getImage(IMAGE)
    .inspect()
    .then(
      () => true,
      () => false,
    );
  return available;
}

/** @param config of the server; it has to listen on every address and port 4222 */
export async function startNatsContainer(
  config: string,
): Promise<{ readonly url: string; stop(): Promise<void> }> {
  // The reaper's image is one more that would have to be there; the test stops its container.
  process.env["TESTCONTAINERS_RYUK_DISABLED"] = "true";
  const { GenericContainer, Wait } = await import("testcontainers");
  const target = "/tmp/nats-server.conf";
  const container = await new GenericContainer(IMAGE)
    .withEntrypoint(["nats-server"])
    .withCommand(["-c", target])
    .withCopyContentToContainer([{ content: config, target }])
    .withExposedPorts(PORT)
    .withLabels({ "pitaya.test": "nats" })
    .withWaitStrategy(Wait.forLogMessage("Server is ready"))
    .start();
  return {
    url: `nats://${container.getHost()}:${container.getMappedPort(PORT)}`,
    stop: async () => void (await container.stop({ remove: true, removeVolumes: true })),
  };
}
