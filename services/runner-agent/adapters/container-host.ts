import { existsSync, readFileSync } from "node:fs";

const ROUTES = "/proc/net/route";

/** The address of the host that this process is in a container of, as its first route has it. */
export function containerHost(): string | undefined {
  const isContained = ["/.dockerenv", "/run/.containerenv"].some((file) => existsSync(file));
  return isContained && existsSync(ROUTES) ? defaultRoute(readFileSync(ROUTES, "utf8")) : undefined;
}

/** @param table as Linux writes it: addresses as eight hexadecimal digits, the lowest byte first */
export function defaultRoute(table: string): string | undefined {
  for (const line of table.split("\n").slice(1)) {
    const [, destination, gateway = ""] = line.split(/\s+/);
    if (destination !== "00000000" || !/^[0-9A-F]{8}$/i.test(gateway)) continue;
    const bytes = gateway.match(/../g) ?? [];
    return bytes
      .map((byte) => Number.parseInt(byte, 16))
      .toReversed()
      .join(".");
  }
  return undefined;
}
