import type { Agent } from "node:http";
import type { Duplex } from "node:stream";
import type { TokenUsage } from "@pitaya/plugins";

/** What one attempt may do at the gateway. */
export interface Pass {
  /** Absent where it has no provider, or none that goes by an address. */
  readonly provider?: {
    /** Its address: what the agent asks for stands below it. */
    readonly url: string;
    /** What stands in the agent's requests, and what is put in its place. */
    readonly keys: readonly { readonly placeholder: string; readonly value: string }[];
    /** It has chat completions alone, and the agent asks for Responses. */
    readonly speaksChatOnly: boolean;
  };
  /** Hosts beside it: `host`, `host:port`, `*.host`. */
  readonly allow: readonly string[];
  /** Certificates to believe beside the usual ones, as PEM. */
  readonly extraCa?: string;
}

/** An attempt at the gateway. */
export interface Guest {
  readonly pass: Promise<Pass>;
  usage: TokenUsage | undefined;
  /** Keeps connections to the provider: its own alone, since its key goes over them. */
  agent: Agent | undefined;
  /** Of its requests that are read whole, until they are answered. */
  heldBytes: number;
  /** What is to end with it. */
  readonly connections: Set<Duplex>;
}

/** Attempts by the token that each of their requests carries. */
export interface Passes {
  /** Resolves late where what the pass holds is not there yet; requests wait for it. */
  admit(token: string, pass: Promise<Pass>): void;
  /** Waits a moment for one that is being taken up after a restart. */
  find(token: string): Promise<Guest | undefined>;
  known(token: string): Guest | undefined;
  /** The token opens nothing any more, and what it opened is closed. */
  dismiss(token: string): void;
}

export function passes(options: { readonly patienceMs: number }): Passes {
  const guests = new Map<string, Guest>();
  const waiting = new Map<string, Set<() => void>>();

  return {
    admit(token, pass) {
      // Whoever waits for it is told; nobody may be.
      pass.catch(() => undefined);
      const before = guests.get(token);
      guests.set(token, {
        pass,
        usage: before?.usage,
        agent: undefined,
        heldBytes: 0,
        connections: before?.connections ?? new Set(),
      });
      for (const wake of waiting.get(token) ?? []) wake();
    },
    known: (token) => guests.get(token),
    async find(token) {
      const found = guests.get(token);
      if (found !== undefined) return found;
      const { promise, resolve } = Promise.withResolvers<void>();
      const those = waiting.get(token) ?? new Set();
      waiting.set(token, those.add(resolve));
      const timer = setTimeout(resolve, options.patienceMs);
      await promise;
      clearTimeout(timer);
      those.delete(resolve);
      if (those.size === 0) waiting.delete(token);
      return guests.get(token);
    },
    dismiss(token) {
      const guest = guests.get(token);
      guests.delete(token);
      guest?.agent?.destroy();
      for (const connection of guest?.connections ?? []) connection.destroy();
    },
  };
}
