import { z } from "zod";
import { CurveKey } from "./fleet.ts";

/** Secrets sealed to one process: X25519 box of {@link SecretBundle} JSON. */
export const SealedSecrets = z.object({
  /** Public key of the sender, which opening needs. */
  from: CurveKey,
  to: CurveKey,
  box: z.base64(),
});
export type SealedSecrets = z.infer<typeof SealedSecrets>;

/** What is inside: environment of the agent. Never stored, never logged. */
export const SecretBundle = z.object({
  v: z.literal(1),
  /** The run they are for, so that a box cannot be used for another. */
  run: z.string(),
  values: z.record(z.string(), z.string().max(65_536)),
});
export type SecretBundle = z.infer<typeof SecretBundle>;
