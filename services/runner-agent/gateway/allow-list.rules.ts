import { isIP } from "node:net";

export interface Target {
  /** A name in small letters, or an address without brackets. */
  readonly host: string;
  readonly port: number;
}

/** Ports of an entry that names none. */
const WEB_PORTS: readonly number[] = [443, 80];

/** `host`, `host:port`, `[address]:port` as it stands in a request or a list. Undefined for anything else. */
export function parseTarget(text: string): { host: string; port?: number } | undefined {
  const found = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9_*.-]+))(?::(\d{1,5}))?$/i.exec(text.trim());
  const port = found?.[3] === undefined ? undefined : Number(found[3]);
  const host = (found?.[1] ?? found?.[2])?.toLowerCase().replace(/\.$/, "");
  if (!host || port === 0 || (port ?? 1) > 65_535) return undefined;
  return { host, ...(port !== undefined && { port }) };
}

/**
 * The entry of an allow list that lets this pass, if one does. `*.example.com` stands for everything
 * below `example.com`, and not for it.
 */
export function allowedBy(list: readonly string[], target: Target): string | undefined {
  return list.find((text) => {
    const entry = parseTarget(text);
    if (entry === undefined) return false;
    const ports = entry.port === undefined ? WEB_PORTS : [entry.port];
    return ports.includes(target.port) && matches(entry.host, target.host);
  });
}

function matches(pattern: string, host: string): boolean {
  if (!pattern.startsWith("*.")) return pattern === host;
  return isIP(host) === 0 && host.length > pattern.length - 1 && host.endsWith(pattern.slice(1));
}
