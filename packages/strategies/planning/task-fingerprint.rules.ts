import type { BranchSource } from "@pitaya/protocol";
import { canonicalHash } from "../canonical-hash.ts";
import type { TaskDraft } from "./planned-task.ts";

/**
 * What makes two tasks the same: all of it but what a resumed run may change (timeouts, limits,
 * network, placement, provider and its address, credentials), what is only kept of it, and where the
 * bytes of it happen to lie.
 */
export function taskFingerprint(draft: TaskDraft): string {
  const { limits: _limits, network: _network, requires: _requires, ...others } = draft;
  const { redact: _redact, networkAllow: _allow, extraCa: _ca, ...counting } = others;
  const { base, agent, includes, verify, session, ...rest } = counting;
  const { provider: _provider, baseUrl: _url, credentials: _credentials, ...sameAgent } = agent;
  return canonicalHash({
    ...rest,
    agent: sameAgent,
    base: base.commit,
    includes: includes?.map(named),
    verify: verify && {
      command: verify.command,
      files: verify.files.map(({ blob, ...file }) => ({ ...file, sha256: blob.sha256 })),
    },
    session: session && { from: session.from?.session.sha256 },
  });
}

const named = ({ branch, commit }: BranchSource) => ({ branch, commit });
