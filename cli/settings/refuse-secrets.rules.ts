import { PitayaError } from "@pitaya/protocol";
import type { Redactor } from "@pitaya/redaction";
import type { Layer } from "./layers.ts";

/**
 * A project's file is shared, and stored with the project: no secret may stand in it.
 *
 * @throws {PitayaError} `usage` naming the places, never what stands there
 */
export function refuseSecretsIn(layers: readonly Layer[], redactor: Redactor): void {
  const places = layers
    .filter(({ source }) => source === "project")
    .flatMap(({ values }) => [...values])
    .filter(([key, { value }]) => {
      const text = JSON.stringify(value) ?? "";
      // A pattern may well match itself.
      if (key === "logging.redaction.custom_patterns") return redactor.containsSecret(text);
      return redactor.text(text) !== text || (key === "nats.url" && holdsPassword(value));
    })
    .map(([, { as }]) => `${as} holds a secret`);
  if (places.length === 0) return;
  throw new PitayaError("usage", places.join("\n  "), {
    hint: "Set it in the environment, and take it out of the file.",
  });
}

const holdsPassword = (url: unknown): boolean =>
  typeof url === "string" && URL.canParse(url) && new URL(url).password !== "";
