import type { ErrorCode } from "@pitaya/protocol";
import type { Scenario } from "../../support/model-server/scenario.ts";

/** Something that goes wrong with an agent, and what has to become of it, whatever CLI it is. */
export interface Fault {
  /** What the model server does; "nobody" is an address where none is. */
  readonly scenario: string | Scenario;
  /** Class of the attempt's error; absent where it succeeds in spite of everything. */
  readonly code?: ErrorCode;
  readonly retryable?: boolean;
  /** What is called instead of the CLI itself. */
  readonly around?: (argv: readonly string[]) => readonly string[];
  /** Our own limit that ends it. */
  readonly stallTimeoutMs?: number;
}

/** Where nobody listens: in the agent's own container. */
export const NOBODY = "nobody";

const KILLS_ITSELF: Scenario = [{ bash: 'kill -KILL "$(cat /tmp/agent.pid)"' }, { text: "Alive." }];

/** For the shell that is called instead of it: the CLI, in the same process. */
const TOLD_ITS_PID = 'echo $$ >/tmp/agent.pid; exec "$@"';
/** The CLI, and then no end. */
const NEVER_ENDS = '"$@"; exec sleep 3600';
const shell = (script: string) => (argv: readonly string[]) => ["sh", "-c", script, "sh", ...argv];

export const FAULTS = {
  wrongKey: { scenario: "auth401", code: "credentials_refused", retryable: false },
  noPermission: { scenario: "forbid403", code: "credentials_refused", retryable: false },
  noCredit: { scenario: "billing400", code: "credentials_refused", retryable: false },
  unknownModel: { scenario: "badmodel", code: "invalid_model", retryable: false },
  rateLimitShort: { scenario: "rate429", code: "rate_limited", retryable: true },
  rateLimitLong: { scenario: "rate429long", code: "rate_limited", retryable: true },
  overloaded: { scenario: "over529", code: "overloaded", retryable: true },
  serverError: { scenario: "err500", code: "provider_error", retryable: true },
  contextTooLong: { scenario: "ctxlen", code: "context_too_long", retryable: false },
  refusal: { scenario: "refusal", code: "model_refused", retryable: false },
  maxTurns: { scenario: "loop", code: "max_turns", retryable: false },
  budget: { scenario: "loop", code: "budget", retryable: false },
  connectionRefused: { scenario: NOBODY, code: "provider_unreachable", retryable: true },
  noResponse: { scenario: "hang", code: "stalled", retryable: true, stallTimeoutMs: 8_000 },
  streamStalled: { scenario: "hangmid", code: "stalled", retryable: true, stallTimeoutMs: 8_000 },
  streamCut: { scenario: "drop" },
  streamCutAlways: { scenario: "dropalways", code: "provider_unreachable", retryable: true },
  killed: {
    scenario: KILLS_ITSELF,
    code: "agent_failed",
    retryable: true,
    around: shell(TOLD_ITS_PID),
  },
  neverExits: { scenario: "ok", around: shell(NEVER_ENDS) },
  severalResults: { scenario: "subagent-late" },
  subAgents: { scenario: "subagent" },
} as const satisfies Record<string, Fault>;

export type FaultName = keyof typeof FAULTS;
