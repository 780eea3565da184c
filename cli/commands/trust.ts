import { findPlugin, pluginNames, pluginVariables } from "@pitaya/plugins";
import { PitayaError } from "@pitaya/protocol";
import type { CommandMain } from "../command-line/commands.ts";
import { printable } from "../output/printable.rules.ts";
import { isCredentialName } from "../secrets-given.rules.ts";
import type { Session } from "../session.ts";
import { decidedBy } from "../settings/decides.rules.ts";
import { isDoubtful, type Layer } from "../settings/layers.ts";

/** One thing that a file of the repository decides once it is trusted. */
interface Decision {
  readonly as: string;
  readonly value: unknown;
  readonly decides: string;
}

/**
 * `pitaya trust`: shows what the repository's files would decide, and with the user's word, or
 * `--yes`, records them as they are.
 */
export const command: CommandMain = async (session) => {
  const { console, has, configuration } = session;
  const { repositoryFiles, trusted } = configuration.gathered;
  const files = repositoryFiles.map((file) => ({
    ...file,
    decisions: decisionsOf(file.layer, session),
    isNew: file.layer.file !== undefined && isDoubtful(file.layer.file),
  }));
  const deciding = files.filter(({ decisions }) => decisions.length > 0);
  const asked = deciding.filter(({ isNew }) => isNew);
  const print = async (accepted: boolean) => {
    if (!has("json")) return;
    const rows = deciding.map(({ path, sha256, isNew, decisions }) => ({
      ...{ path, sha256, trusted: accepted || !isNew },
      decisions: decisions.map(({ as, value, decides }) => ({ as, value, decides })),
    }));
    await console.result(JSON.stringify({ v: 1, files: rows }));
  };
  if (!has("json")) {
    await console.result(
      deciding.map(textOf).join("\n") ||
        "this repository's files decide nothing that needs your word",
    );
  }
  if (asked.length === 0) {
    await print(false);
    return 0;
  }
  if (!has("yes") && !(await isAgreed(session, asked.length))) {
    await print(false);
    return NOT_ACCEPTED;
  }
  await trusted.add(asked, new Date(session.host.clock.now()));
  await print(true);
  await console.note("recorded; a later change of these files needs a new yes");
  return 0;
};

const NOT_ACCEPTED = 1;

/** @throws {PitayaError} `untrusted` where nobody can be asked */
async function isAgreed(session: Session, count: number): Promise<boolean> {
  const these = count === 1 ? "this file" : "these files";
  const answer = await session.host.ask(`Trust ${these} as they are now? [y/N] `);
  if (answer !== undefined) return /^y(es)?$/i.test(answer.trim());
  throw new PitayaError("untrusted", "nobody is there to accept it", {
    hint: "`pitaya trust --yes` accepts what is shown here.",
  });
}

function decisionsOf(layer: Layer, session: Session): readonly Decision[] {
  const settings = [...layer.values].flatMap(([key, { value, as }]) => {
    const decides = decidedBy(key, value);
    return decides === undefined ? [] : [{ as, value, decides }];
  });
  const plugins = [...session.settings.plugins.values()];
  const secrets = plugins.flatMap(({ credentials }) => credentials);
  const declared = plugins.flatMap(({ baseUrlEnv }) => baseUrlEnv ?? []);
  const known = pluginNames.flatMap((name) => pluginVariables(findPlugin(name)).address);
  const isAddress = (name: string) => known.includes(name) || declared.includes(name);
  const addresses =
    layer.source === ".env"
      ? session.variables.ofFile
          .filter(({ name }) => isAddress(name))
          .map(({ as, value }) => {
            return { as, value, decides: "where the credentials of this file and the code go" };
          })
      : [];
  const credentials =
    layer.source === ".env"
      ? session.variables.ofFile
          .filter(({ name }) => isCredentialName(name) || secrets.includes(name))
          .map(({ as }) => ({
            as,
            value: "[redacted]",
            decides: "whose account gets to see the code",
          }))
      : [];
  return [...settings, ...addresses, ...credentials];
}

function textOf({
  shown,
  isNew,
  layer,
  decisions,
}: {
  readonly shown: string;
  readonly isNew: boolean;
  readonly layer: Layer;
  readonly decisions: readonly Decision[];
}): string {
  const state = isNew
    ? layer.file?.trust === "changed"
      ? "changed since you trusted it"
      : "not trusted"
    : "trusted";
  const rows = decisions.map(({ as, value, decides }) => {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    return `  ${as}: ${printable(text)}\n    decides ${decides}`;
  });
  return [`${shown} (${state}) would decide:`, ...rows].join("\n");
}
