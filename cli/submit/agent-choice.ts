import {
  type AgentPlugin,
  COMMIT_INSTRUCTION,
  type CredentialMode,
  declaredPlugin,
  findPlugin,
  pluginNames,
  resolveCredentials,
} from "@pitaya/plugins";
import { type AgentSpec, PitayaError, type PluginDeclaration } from "@pitaya/protocol";
import type { FlagName } from "../command-line/flags.ts";
import { printable } from "../output/printable.rules.ts";
import type { Session } from "../session.ts";
import { refuseUntrusted } from "../settings/refuse-untrusted.rules.ts";
import type { Resolved } from "../settings/resolve.rules.ts";
import { checkAddress } from "./agent-address.rules.ts";
import { posixWords } from "./posix-words.rules.ts";
import type { Credentials } from "./sealed-credentials.ts";

/** The agent of a run, and the secrets it works with, which are no part of what is submitted. */
export interface AgentChoice {
  readonly spec: AgentSpec;
  /** Of other plugins that its tasks name. */
  readonly others: readonly AgentSpec[];
  readonly credentials: Credentials;
  readonly commitInstruction: string;
}

/**
 * Decides which agents do the work and with what credentials.
 *
 * @param named plugins that tasks name beside the run's
 * @throws {PitayaError} `usage` for a plugin, flag or prompt that will not do; `credentials_missing`
 */
export function chooseAgent(
  session: Session,
  prompt: string,
  named: readonly string[] = [],
): AgentChoice {
  const { values } = session.settings;
  const name = values.plugin_name;
  const own = agentOf(session, prompt, name, true);
  const others = [...new Set(named)]
    .filter((other) => other !== name)
    .map((other) => agentOf(session, prompt, other, false));
  return {
    spec: own.spec,
    others: others.map(({ spec }) => spec),
    credentials: Object.assign({}, ...others.map(({ secrets }) => secrets), own.secrets),
    commitInstruction: COMMIT_INSTRUCTION,
  };
}

/** @param isOwn the flags of the run are for the run's own plugin; for others there is the environment */
function agentOf(session: Session, prompt: string, name: string, isOwn: boolean) {
  const { values } = session.settings;
  const { plugin, declaration } = choosePlugin(session.settings, name);
  const key = `plugins.${name}` as const;
  const declared = session.settings.chosen.get(key);
  if (declared !== undefined)
    refuseUntrusted([[key, declared]], session.configuration.gathered.own);
  const model = isOwn ? (values.model ?? plugin.defaultModel) : plugin.defaultModel;
  const cliArgs = isOwn
    ? [...session.values("cli-arg"), ...posixWords(session.value("cli-args") ?? "")]
    : [];
  const found = credentialsOf(session, plugin, undefined, isOwn);
  const { secrets, baseUrl } = found;
  if (!isOwn || !session.has("base-url")) checkAddress(session.variables, plugin, found);
  const image = (isOwn ? values["runner.docker_image"] : undefined) ?? plugin.defaultImage;
  const optional = {
    ...(model === undefined ? {} : { model }),
    ...(baseUrl === undefined ? {} : { baseUrl: checkedBaseUrl(baseUrl) }),
  };
  const problems = plugin.check({ prompt, cliArgs, ...optional });
  if (problems.length > 0) throw new PitayaError("usage", problems.join("; "));
  const credentials = Object.keys(secrets);
  const spec: AgentSpec = {
    ...{ plugin: plugin.name, image, cliArgs: [...cliArgs], credentials, ...optional },
    ...(declaration !== undefined && { declaration }),
  };
  return { spec, secrets };
}

/**
 * The plugin that is asked for: one of ours, or one that the user has declared.
 *
 * @throws {PitayaError} `usage`
 */
export function choosePlugin(
  { values, plugins }: Pick<Resolved, "values" | "plugins">,
  name: string = values.plugin_name,
): { readonly plugin: AgentPlugin; readonly declaration: PluginDeclaration | undefined } {
  const declaration = plugins.get(name);
  if (declaration === undefined && !pluginNames.includes(name)) {
    throw new PitayaError("usage", `there is no plugin "${printable(name)}"`, {
      hint: `plugins: ${[...pluginNames, ...plugins.keys()].join(", ")}`,
    });
  }
  if (declaration !== undefined && pluginNames.includes(name)) {
    throw new PitayaError("usage", `plugins.${name}: there is a plugin ${name} already`, {
      hint: "Give the declared one a name of its own.",
    });
  }
  const plugin = declaration === undefined ? findPlugin(name) : declaredPlugin(name, declaration);
  return { plugin, declaration };
}

/**
 * @param only the kind of credential, where it is settled already
 * @param byFlags whether flags that name credentials and address are for this plugin
 * @throws {PitayaError} `usage`, `credentials_missing`
 */
export function credentialsOf(
  session: Session,
  plugin: AgentPlugin,
  only?: CredentialMode,
  byFlags = true,
) {
  const flag = (name: FlagName) => (byFlags ? session.value(name) : undefined);
  const mode = only ?? modeOf(flag("mode"));
  const oauthToken = flag("oauth-token");
  const apiKey = flag("api-key");
  const baseUrl = flag("base-url");
  return resolveCredentials(plugin, {
    env: session.variables.all,
    ...(mode === undefined ? {} : { mode }),
    ...(oauthToken === undefined ? {} : { oauthToken }),
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(baseUrl === undefined ? {} : { baseUrl }),
  });
}

function modeOf(given: string | undefined): CredentialMode | undefined {
  if (given === undefined || given === "subscription" || given === "api") return given;
  throw new PitayaError("usage", `--mode: expected subscription or api, not "${given}"`);
}

/** An address that goes into the log and into containers: it must not hold a secret. */
function checkedBaseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new PitayaError("usage", "the base URL of the provider is not an http or https address");
  }
  if (url.username !== "" || url.password !== "") {
    throw new PitayaError("usage", "the base URL of the provider holds a user name or password", {
      hint: "Give the credential with --api-key or --oauth-token.",
    });
  }
  return text;
}
