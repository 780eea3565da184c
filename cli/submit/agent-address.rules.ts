import type { AgentPlugin, Credentials } from "@pitaya/plugins";
import { PitayaError } from "@pitaya/protocol";
import { isDoubtful } from "../settings/layers.ts";
import { untrusted } from "../settings/refuse-untrusted.rules.ts";
import type { Variables } from "../settings/variables.rules.ts";

/**
 * An address that a repository's file gives is for the credentials of that file, and only once the
 * user has said yes to it: nobody's key goes where a cloned repository says.
 *
 * @param found the credentials, and an address that no flag gave
 * @throws {PitayaError} `usage`, `untrusted`
 */
export function checkAddress(
  variables: Variables,
  plugin: Pick<AgentPlugin, "baseUrlSource" | "environment">,
  found: Pick<Credentials, "from" | "secrets">,
): void {
  const name = plugin.baseUrlSource;
  const address = name === undefined ? undefined : variables.get(name);
  const file = address?.layer.file;
  if (address === undefined || file === undefined) return;
  const named = plugin.environment ?? [];
  const isOurs = Object.keys(found.secrets).every((secret) => named.includes(secret));
  const sources = isOurs ? named : [found.from, ...named];
  const elsewhere = sources.find((source) => variables.get(source)?.layer.file?.path !== file.path);
  if (elsewhere !== undefined) {
    throw new PitayaError(
      "usage",
      `${address.as} would send the credential of ${elsewhere} to an address that the repository chose`,
      {
        hint: `Give the address with --base-url, or set ${name} in the environment: an address in ${file.shown} is only for a credential in ${file.shown}.`,
      },
    );
  }
  if (isDoubtful(file)) {
    throw untrusted([{ what: address.as, decides: "where the credential and the code go", file }]);
  }
}
