import { createHash } from "node:crypto";
import { type Redactor, redactor } from "./redactor.ts";

/**
 * Gives the same redactor for the same values and patterns: making one takes milliseconds, and the attempts of a
 * run have theirs in common. It is held no longer than somebody uses it, and so are the values.
 */
export function redactorPool(): (
  values: readonly string[],
  customPatterns?: readonly string[],
) => Redactor {
  const held = new Map<string, WeakRef<Redactor>>();
  const forgotten = new FinalizationRegistry<string>((name) => {
    if (held.get(name)?.deref() === undefined) held.delete(name);
  });
  return (values, customPatterns = []) => {
    const of = JSON.stringify([values, customPatterns]);
    const name = createHash("sha256").update(of).digest("hex");
    const known = held.get(name)?.deref();
    if (known) return known;
    const fresh = redactor({ values, customPatterns });
    held.set(name, new WeakRef(fresh));
    forgotten.register(fresh, name);
    return fresh;
  };
}
