import type { Sealer } from "@pitaya/bus";
import { PitayaError, SecretBundle } from "@pitaya/protocol";
import type { Random } from "./random.ts";

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** A process's key by the seed. Its boxes are shut by convention only, and cost nothing to shut. */
export function scriptedKeys(chance: Random): Sealer {
  const publicKey = `X${Array.from({ length: 55 }, () => LETTERS[chance.below(32)]).join("")}`;
  return {
    publicKey,
    seal: (to, bundle) => ({
      from: publicKey,
      to,
      box: Buffer.from(JSON.stringify({ to, bundle })).toString("base64"),
    }),
    open({ to, box }, run) {
      const inside = JSON.parse(Buffer.from(box, "base64").toString());
      const bundle = SecretBundle.parse(inside.bundle);
      if (to === publicKey && inside.to === publicKey && bundle.run === run) return bundle;
      throw new PitayaError("credentials_refused", "The box is for another key or run.");
    },
  };
}
