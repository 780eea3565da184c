import { storeText } from "@pitaya/bus";
import { MAX_BUNDLE_PARENTS, type Text } from "@pitaya/protocol";
import type { Harvested, Made } from "../domain/attempt.ts";
import type { AttemptScope } from "./attempt-scope.ts";

/** Puts what counts into the blob store. @throws `store_full`, `bus_unavailable` */
export async function uploadWork(
  { bus, command, directory }: AttemptScope,
  harvested: Harvested | undefined,
  finalMessage: string | undefined,
): Promise<{ readonly made: Made; readonly finalMessage?: Text }> {
  const { bundlePath, patchPath, work, lfsObjectsMissing = 0, shallow = [] } = harvested ?? {};
  // The nearest stand for those behind them, which their own manifests name.
  const parents = command.task.base.bundles
    .map(({ blob }) => blob.sha256)
    .slice(0, MAX_BUNDLE_PARENTS);
  const [bundle, patch, text] = await Promise.all([
    bundlePath && bus.blobs.put(() => directory.read(bundlePath), parents),
    patchPath && bus.blobs.put(() => directory.read(patchPath)),
    finalMessage === undefined ? undefined : storeText(bus, finalMessage),
  ]);
  return {
    made: {
      lfsObjectsMissing,
      ...(work && { work }),
      ...(work && bundle && { bundle: { blob: bundle, tip: work.commit, shallow: [...shallow] } }),
      ...(patch && { patch }),
    },
    ...(text && { finalMessage: text }),
  };
}
