import { setImmediate } from "node:timers/promises";
import { GUEST_JS_API, JS_API } from "@pitaya/protocol";
import { type LinkOptions, openLink } from "../nats/link.ts";

/** A connection that tries subjects out, past everything the bus would not do. */
export interface PermissionProbe {
  /** Whether the server takes a message for this subject. `reply` names where its answer shall go. */
  publishes(subject: string, message?: { payload?: Uint8Array; reply?: string }): Promise<boolean>;
  subscribes(subject: string): Promise<boolean>;
  /** A request of JetStream, under the name this account has for it. */
  api(request: string): string;
  /** Everything that arrives on a subject, until closed. */
  received(subject: string): { readonly subject: string; readonly payload: string }[];
  /** Resolves when the server has dealt with everything sent before. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

export async function permissionProbe(options: LinkOptions): Promise<PermissionProbe> {
  const link = await openLink(options);
  const refused = new Set<string>();
  link.onDenied((subject) => refused.add(subject));

  const settled = async () => {
    await link.nc.flush();
    // Refusals are handed out after the message that brought them.
    await setImmediate();
  };
  const allowed = async (subject: string) => {
    await settled();
    return !refused.delete(subject);
  };

  return {
    async publishes(subject, { payload = new Uint8Array(), reply } = {}) {
      link.nc.publish(subject, payload, reply === undefined ? {} : { reply });
      return allowed(subject);
    },
    async subscribes(subject) {
      const subscription = link.nc.subscribe(subject, { callback: () => undefined });
      const answer = await allowed(subject);
      subscription.unsubscribe();
      return answer;
    },
    api: (request) => `${link.apiPrefix}.${request}`,
    received(subject) {
      const messages: { subject: string; payload: string }[] = [];
      link.nc.subscribe(subject, {
        callback: (_, message) => {
          messages.push({ subject: message.subject, payload: message.string() });
        },
      });
      return messages;
    },
    settled,
    close: () => link.nc.close(),
  };
}

/** Every name that requests of JetStream could go by. */
export const API_NAMES: readonly string[] = [JS_API, GUEST_JS_API];
