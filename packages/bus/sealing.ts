import { createCurve, fromCurveSeed } from "@nats-io/nkeys";
import { PitayaError, type SealedSecrets, SecretBundle } from "@pitaya/protocol";
import { decode, encode } from "./codec.ts";

/** One process's curve key: what it seals only the other can open, and the other way round. */
export interface Sealer {
  /** To be announced, so that others can seal to it. */
  readonly publicKey: string;
  /** @param to the receiver's public key */
  seal(to: string, bundle: SecretBundle): SealedSecrets;
  /**
   * Opens what was sealed to this key.
   *
   * @param run the run it must be for
   * @throws `credentials_refused` when it was sealed to another key, by another than it says, for
   *   another run, or altered on the way
   */
  open(sealed: SealedSecrets, run: string): SecretBundle;
}

/** @param seed of a key that was kept; a new key otherwise */
export function sealer(seed?: Uint8Array): Sealer {
  const key = seed === undefined ? createCurve() : fromCurveSeed(seed);
  const publicKey = key.getPublicKey();
  return {
    publicKey,
    seal: (to, bundle) => ({
      from: publicKey,
      to,
      box: Buffer.from(key.seal(encode(SecretBundle, bundle), to)).toString("base64"),
    }),
    open(sealed, run) {
      if (sealed.to !== publicKey) throw refused("They are sealed to another key.");
      const opened = openBox(() => key.open(Buffer.from(sealed.box, "base64"), sealed.from));
      const bundle = decode(SecretBundle, opened, "The content of a sealed box");
      if (bundle.run !== run) throw refused("They are for another run.");
      return bundle;
    },
  };
}

function openBox(open: () => Uint8Array | null): Uint8Array {
  let opened: Uint8Array | null;
  try {
    opened = open();
  } catch (cause) {
    throw refused("The box is damaged.", cause);
  }
  if (opened === null) throw refused("The box is damaged, or of another sender than it says.");
  return opened;
}

const refused = (why: string, cause?: unknown) =>
  new PitayaError("credentials_refused", `Sealed credentials could not be opened. ${why}`, {
    hint: "Send them again: attach to the run, or resume it with credentials.",
    ...(cause === undefined ? {} : { cause }),
  });
