import { type Sealer, sealer } from "@pitaya/bus";
import { PitayaError, type SealedSecrets } from "@pitaya/protocol";

/** Keeps runs' secrets in memory, and nowhere else, until the run ends. */
export interface SecretHolder {
  readonly publicKey: string;
  /**
   * Takes what is sealed to this coordinator; boxes for others are left alone.
   * @throws `credentials_refused` when a box for this one does not open
   */
  take(run: string, boxes: readonly SealedSecrets[]): void;
  /** Whether every one of these names is held for the run. */
  holds(run: string, names: readonly string[]): boolean;
  /** @throws `credentials_missing` */
  sealTo(curveKey: string, run: string, names: readonly string[]): SealedSecrets;
  forget(run: string): void;
}

export function secretHolder(keys: Sealer = sealer()): SecretHolder {
  const held = new Map<string, Record<string, string>>();
  const holds = (run: string, names: readonly string[]) => {
    const values = held.get(run);
    return names.every((name) => values?.[name] !== undefined);
  };
  return {
    publicKey: keys.publicKey,
    take(run, boxes) {
      for (const box of boxes) {
        if (box.to !== keys.publicKey) continue;
        held.set(run, { ...held.get(run), ...keys.open(box, run).values });
      }
    },
    holds,
    sealTo(curveKey, run, names) {
      const values = held.get(run);
      if (values === undefined || !holds(run, names)) {
        const message = `no coordinator holds the credentials of ${run}`;
        const hint = `attach with credentials: pitaya attach ${run}`;
        throw new PitayaError("credentials_missing", message, { hint, retryable: true });
      }
      const wanted = Object.fromEntries(names.map((name) => [name, values[name] ?? ""]));
      return keys.seal(curveKey, { v: 1, run, values: wanted });
    },
    forget: (run) => void held.delete(run),
  };
}
