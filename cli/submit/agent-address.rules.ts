import type { Credentials } from "@pitaya/plugins";
import { PitayaError } from "@pitaya/protocol";
import { isDoubtful, type LayerFile } from "../settings/layers.ts";
import { untrusted } from "../settings/refuse-untrusted.rules.ts";
import type { Variable, Variables } from "../settings/variables.rules.ts";

/**
 * An address that a repository's file gives is for the credentials of that file, and only once the
 * user has said yes to it: nobody's key goes where a cloned repository says. The same holds for what
 * chooses the provider of a credential, but that one for the provider's own key needs only the yes.
 *
 * @throws {PitayaError} `usage`, `untrusted`
 */
export function checkAddress(
  variables: Variables,
  { addressedBy, chosenBy, givenBy }: Credentials,
): void {
  for (const { variable, file } of ofFiles(variables, addressedBy)) {
    const elsewhere = givenBy.find((name) => variables.get(name)?.layer.file?.path !== file.path);
    if (elsewhere === undefined) continue;
    throw new PitayaError(
      "usage",
      `${variable.as} would send the credential of ${elsewhere} to an address that the repository chose`,
      {
        hint: `Give the address with --base-url, or set ${variable.name} in the environment: an address in ${file.shown} is only for a credential in ${file.shown}.`,
      },
    );
  }
  const refused = ofFiles(variables, [...addressedBy, ...(chosenBy ? [chosenBy] : [])])
    .filter(({ file }) => isDoubtful(file))
    .map(({ variable, file }) => ({
      ...{ what: variable.as, decides: "where the credential and the code go", file },
    }));
  if (refused.length > 0) throw untrusted(refused);
}

function ofFiles(
  variables: Variables,
  names: readonly string[],
): readonly { readonly variable: Variable; readonly file: LayerFile }[] {
  return names.flatMap((name) => {
    const variable = variables.get(name);
    const file = variable?.layer.file;
    return variable === undefined || file === undefined ? [] : [{ variable, file }];
  });
}
