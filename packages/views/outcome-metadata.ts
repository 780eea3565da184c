import type { Outcome } from "@pitaya/protocol";

type Metadata = NonNullable<Outcome["metadata"]>;

/**
 * What the outcome of its strategy says of an instance: nothing where it does not count; where it is
 * the chosen one, or the only one, everything the strategy had to say.
 */
export function outcomeMetadata(outcome: Outcome | undefined, instance: string): Metadata {
  if (!outcome?.instances.some((counted) => counted === instance)) return {};
  const isChosen = outcome.chosen === instance;
  const isMeant = isChosen || (outcome.chosen === undefined && outcome.instances.length === 1);
  return { ...(isMeant ? outcome.metadata : {}), counts: true, chosen: isChosen };
}
