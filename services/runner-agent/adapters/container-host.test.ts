import { expect, it } from "vitest";
import { defaultRoute } from "./container-host.ts";

const HEADER = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n";

it("finds the host by the route that leads to all else", () => {
  const table = `${HEADER}eth0\t0070A8C0\t00000000\t0001\neth0\t00000000\t010012AC\t0003\n`;
  expect(defaultRoute(table)).toBe("172.18.0.1");
});

it.each([HEADER, "", `${HEADER}eth0\t00000000\tnonsense\n`])("finds none in %j", (table) => {
  expect(defaultRoute(table)).toBeUndefined();
});
