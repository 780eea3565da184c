import type { AttemptSpec } from "../../ports/executor.port.ts";
import { attemptContainer } from "./attempt-container.rules.ts";
import { type Engine, engineFault, makingContainer, onEngine, unlessGone } from "./engine.ts";
import { finished } from "./finished.ts";
import type { Ground } from "./ground.ts";
import { overlayOptions, volumeMount } from "./mounts.ts";
import type { Naming } from "./names.ts";
import { packMounts } from "./packs.ts";
import { PLACE } from "./places.ts";

/** Makes an attempt's volumes and its container, over a checkout that is there. */
export async function makeWorkspace(
  engine: Engine,
  naming: Naming,
  ground: Ground,
  options: {
    readonly spec: AttemptSpec;
    readonly checkout: string;
    readonly copyScript: string;
    readonly helperImage: string;
    readonly gatewayAddress: string | undefined;
  },
): Promise<void> {
  const { spec, checkout, gatewayAddress } = options;
  const volumes = naming.volumes(spec.name);
  const labels = naming.labels("volume", spec.name);
  const data = (volume: string) => `${ground.volumesRoot}/${volume}/_data`;

  const upper = onEngine("create a volume", () =>
    engine.createVolume({ Name: volumes.upper, Labels: labels }),
  );
  // The engine makes the other volumes with the container, in one call.
  const container = unlessGone(
    "create a container",
    () =>
      makingContainer(() =>
        engine.createContainer(
          attemptContainer(spec, {
            naming,
            wrapperVolume: ground.wrapperVolume,
            workOptions: ground.hasOverlay
              ? overlayOptions(
                  `${data(checkout)}/tree`,
                  `${data(volumes.upper)}/upper`,
                  `${data(volumes.upper)}/work`,
                )
              : {},
            engineCpus: ground.cpus,
            hasIpv6: ground.host.hasIpv6,
            ...(gatewayAddress !== undefined && { gatewayAddress }),
          }),
        ),
      ),
    [409],
  );
  await finished([upper, container]);
  const steward = await ground.stewards.get();
  await steward.prepare(volumes, {
    ...spec.inputs,
    ...(spec.stdin !== undefined && { stdin: spec.stdin }),
  });
  if (ground.hasOverlay) return;

  const result = await ground.helpers.run({
    name: `${naming.container(spec.name)}-copy`,
    labels: naming.labels("volume", spec.name),
    image: options.helperImage,
    script: options.copyScript,
    args: [],
    user: "0:0",
    // Copies owners and modes as they are.
    host: { CapAdd: ["CHOWN", "FOWNER", "DAC_OVERRIDE"] },
    mounts: [
      volumeMount({ volume: volumes.work, at: PLACE.workspace, labels }),
      volumeMount({
        volume: checkout,
        at: PLACE.checkout,
        labels: naming.labels("checkout"),
        readOnly: true,
      }),
      ...packMounts(naming, spec.workspace.packs),
    ],
  });
  if (result.exitCode !== 0) {
    throw engineFault(
      new Error(`code ${result.exitCode}: ${result.stderr.slice(-500)}`),
      "copy the checkout",
    );
  }
}
