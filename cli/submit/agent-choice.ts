import {
  type AgentPlugin,
  type AgentTask,
  COMMIT_INSTRUCTION,
  type CredentialMode,
  type CredentialSources,
  declaredPlugin,
  type Credentials as Found,
  findPlugin,
  networkProblem,
  pluginNames,
  providerRoute,
  resolveCredentials,
} from "@pitaya/plugins";
import { type AgentSpec, PitayaError, type PluginDeclaration } from "@pitaya/protocol";
import type { FlagName } from "../command-line/flags.ts";
import { printable } from "../output/printable.rules.ts";
import type { Session } from "../session.ts";
import { refuseUntrusted } from "../settings/refuse-untrusted.rules.ts";
import type { Resolved } from "../settings/resolve.rules.ts";
import { checkAddress } from "./agent-address.rules.ts";
import { refuseLoopback } from "./loopback-address.rules.ts";
import { posixWords } from "./posix-words.rules.ts";
import type { Credentials } from "./sealed-credentials.ts";

/** The agent of a run, and the secrets it works with, which are no part of what is submitted. */
export interface AgentChoice {
  readonly spec: AgentSpec;
  /** Of other plugins that its tasks name. */
  readonly others: readonly AgentSpec[];
  readonly credentials: Credentials;
  /** Which credential was taken where there are several. */
  readonly notes: readonly string[];
  readonly commitInstruction: string;
}

/**
 * Decides which agents do the work and with what credentials.
 *
 * @param named plugins that tasks name beside the run's
 * @param asked what the strategy's parameters ask of the run's own: better refused now than when
 *   others have done their part
 * @throws {PitayaError} `usage` for a plugin, flag or prompt that will not do; `credentials_missing`
 */
export function chooseAgent(
  session: Session,
  prompt: string,
  named: readonly string[] = [],
  asked: Pick<AgentTask, "maxTurns"> = {},
): AgentChoice {
  const { values } = session.settings;
  const name = values.plugin_name;
  const own = agentOf(session, { prompt, ...asked }, name, true);
  const others = [...new Set(named)]
    .filter((other) => other !== name)
    .map((other) => agentOf(session, { prompt }, other, false));
  const all = [own, ...others];
  return {
    spec: own.spec,
    others: others.map(({ spec }) => spec),
    credentials: together(all),
    notes: [
      ...all.flatMap(({ spec, found }) => noteOf(spec, found)),
      ...others.flatMap((other) => elsewhereNote(session, own.spec, other)),
    ],
    commitInstruction: COMMIT_INSTRUCTION,
  };
}

/** @param isOwn the flags of the run are for the run's own plugin; for others there is the environment */
function agentOf(
  session: Session,
  task: Pick<AgentTask, "prompt" | "maxTurns">,
  name: string,
  isOwn: boolean,
) {
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
  const sources = credentialSources(session, isOwn);
  const found = resolveCredentials(plugin, { ...sources, ...(model !== undefined && { model }) });
  const { secrets, provider, baseUrl } = found;
  checkAddress(session.variables, found);
  const image = (isOwn ? values["runner.docker_image"] : undefined) ?? plugin.defaultImage;
  const optional = {
    ...(model === undefined ? {} : { model }),
    ...(baseUrl === undefined ? {} : { baseUrl }),
  };
  const credentials = Object.keys(secrets);
  const [keyEnv] = credentials;
  const asked = provider && { provider: { name: provider, ...(keyEnv && { keyEnv }) } };
  const problems = plugin.check({ ...task, cliArgs, ...optional, ...asked });
  if (problems.length > 0) {
    const hint = isOwn
      ? {}
      : {
          hint: `--cli-arg, --cli-args and --model are for ${values.plugin_name}, the run's own plugin; --plugin ${name} makes this one the run's.`,
        };
    throw new PitayaError("usage", problems.join("; "), hint);
  }
  const spec: AgentSpec = {
    ...{ plugin: plugin.name, image, cliArgs: [...cliArgs], credentials, ...optional },
    ...(provider !== undefined && { provider }),
    ...(declaration !== undefined && { declaration }),
  };
  const unreachable = networkProblem(plugin, spec, values["runner.network_egress"]);
  if (unreachable !== undefined) throw new PitayaError("usage", unreachable);
  refuseLoopback(plugin, spec, values["runner.network_egress"]);
  return { spec, found, plugin };
}

interface Agent {
  readonly plugin: AgentPlugin;
  readonly spec: AgentSpec;
  readonly found: Found;
}

/**
 * The secrets of all agents of a run, each of which is held under one name.
 *
 * @throws {PitayaError} `usage` where two agents would get different ones: one's goes not to the other's provider
 */
function together(agents: readonly Agent[]): Credentials {
  const all: Record<string, string> = {};
  for (const { spec, found } of agents) {
    for (const [name, value] of Object.entries(found.secrets)) {
      const known = all[name] ?? value;
      all[name] = known;
      if (known === value) continue;
      throw new PitayaError(
        "usage",
        `${spec.plugin} and another plugin of this run would get different values as ${name}`,
        { hint: `Give that credential in the environment instead of by a flag.` },
      );
    }
  }
  return all;
}

function noteOf({ plugin }: AgentSpec, { from, unused, provider }: Found): readonly string[] {
  // What lies in the environment is no surprise to somebody who named another on the command line.
  const isNamed = (source: string) => source.startsWith("--");
  const passed = isNamed(from) ? unused.filter(isNamed) : unused;
  if (passed.length === 0) return [];
  const of = provider === undefined ? "" : `, the key of ${provider}`;
  return [`${plugin} uses ${from}${of}; not used: ${passed.join(", ")}`];
}

/** What the command line says of a provider is said of the run's own plugin. */
function elsewhereNote(
  session: Session,
  own: AgentSpec,
  { plugin, spec }: Agent,
): readonly string[] {
  const flags = (["base-url", "api-key", "oauth-token"] as const).filter(session.has);
  if (flags.length === 0) return [];
  const told = `--${flags.join(", --")} ${flags.length === 1 ? "is" : "are"} for ${own.plugin}`;
  const where = providerRoute(plugin, spec)?.url ?? "its own provider";
  return [`${told}; ${plugin.name} goes to ${where} with what the environment says`];
}

/**
 * The plugin that is asked for: one of ours, or one that the user has declared.
 *
 * @param as where it was asked for, where that is no setting of the plugin's own
 * @throws {PitayaError} `usage`
 */
export function choosePlugin(
  { values, plugins }: Pick<Resolved, "values" | "plugins">,
  name: string = values.plugin_name,
  as?: string,
): { readonly plugin: AgentPlugin; readonly declaration: PluginDeclaration | undefined } {
  const declaration = plugins.get(name);
  if (declaration === undefined && !pluginNames.includes(name)) {
    throw new PitayaError(
      "usage",
      `${as === undefined ? "" : `${as}: `}there is no plugin "${printable(name)}"`,
      {
        hint: `plugins: ${[...new Set([...pluginNames, ...plugins.keys()])].join(", ")}`,
      },
    );
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
 * What this invocation gives as credentials.
 *
 * @param isOwn whether flags that name credentials and address are for this plugin
 * @throws {PitayaError} `usage`
 */
export function credentialSources(session: Session, isOwn = true): CredentialSources {
  const flag = (name: FlagName) => (isOwn ? session.value(name) : undefined);
  const mode = modeOf(flag("mode"));
  const oauthToken = flag("oauth-token");
  const apiKey = flag("api-key");
  const baseUrl = flag("base-url");
  return {
    env: session.variables.all,
    ...(mode === undefined ? {} : { mode }),
    ...(oauthToken === undefined ? {} : { oauthToken }),
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(baseUrl === undefined ? {} : { baseUrl }),
  };
}

function modeOf(given: string | undefined): CredentialMode | undefined {
  if (given === undefined || given === "subscription" || given === "api") return given;
  throw new PitayaError("usage", `--mode: expected subscription or api, not "${given}"`);
}
