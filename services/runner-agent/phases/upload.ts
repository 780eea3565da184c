import { storeText } from "@pitaya/bus";
import { Commit, MAX_BUNDLE_PARENTS, type Text } from "@pitaya/protocol";
import type { Harvested, Made } from "../domain/attempt.ts";
import type { AttemptScope } from "./attempt-scope.ts";

/** Puts what counts into the blob store. @throws `store_full`, `bus_unavailable` */
export async function uploadWork(
  { bus, command, directory }: AttemptScope,
  harvested: Harvested | undefined,
  said: { readonly finalMessage?: string; readonly output?: string } = {},
): Promise<{ readonly made: Made; readonly finalMessage?: Text; readonly output?: Text }> {
  const { bundlePath, patchPath, work, lfsObjectsMissing = 0, shallow = [] } = harvested ?? {};
  const { conversation } = harvested ?? {};
  // The nearest stand for those behind them, which their own manifests name.
  const parents = command.task.base.bundles
    .map(({ blob }) => blob.sha256)
    .slice(0, MAX_BUNDLE_PARENTS);
  const [blob, patch, session, finalMessage, output] = await Promise.all([
    bundlePath && bus.blobs.put(() => directory.read(bundlePath), parents),
    patchPath && bus.blobs.put(() => directory.read(patchPath)),
    conversation && bus.blobs.put(() => only(conversation.archive)),
    said.finalMessage === undefined ? undefined : storeText(bus, said.finalMessage),
    said.output === undefined ? undefined : storeText(bus, said.output),
  ]);
  const bundle = work && blob && { blob, tip: work.commit, shallow: [...shallow] };
  return {
    made: {
      lfsObjectsMissing,
      ...(work && { work }),
      ...(bundle && { bundle }),
      ...(patch && { patch }),
      ...(conversation &&
        session && {
          snapshot: {
            sessionId: conversation.sessionId,
            session,
            commit: Commit.parse(conversation.commit),
            ...(bundle && { bundle }),
            ...(patch && { patch }),
          },
        }),
    },
    ...(finalMessage && { finalMessage }),
    ...(output && { output }),
  };
}

async function* only(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
