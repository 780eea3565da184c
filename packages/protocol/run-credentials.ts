import type { RunSpec } from "./run-spec.ts";

/** Names of all the credentials that agents of a run may get, each once. */
export const credentialsOf = ({ agent, otherAgents = [] }: RunSpec): string[] => [
  ...new Set([agent, ...otherAgents].flatMap(({ credentials }) => credentials)),
];
