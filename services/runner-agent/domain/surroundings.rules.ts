import { agentFile } from "@pitaya/plugins";
import { GATEWAY } from "../ports/executor.port.ts";

/** The name under which an agent finds the certificates of its run. */
export const EXTRA_CA = "extra-ca.crt";

/** Made by the wrapper: the image's own certificates and these. */
const ALL_CA = "/pitaya/run/ca.crt";

/** How programs are told of more certificates: Node takes them beside its own, others one file. */
export const caEnv: Readonly<Record<string, string>> = {
  NODE_EXTRA_CA_CERTS: agentFile(EXTRA_CA),
  SSL_CERT_FILE: ALL_CA,
  CURL_CA_BUNDLE: ALL_CA,
  GIT_SSL_CAINFO: ALL_CA,
  REQUESTS_CA_BUNDLE: ALL_CA,
};

const NAMES = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"];

/** What an agent reaches without any proxy. */
const DIRECT = ["localhost", "127.0.0.1", "::1", "host.docker.internal", GATEWAY.host];

/**
 * The proxy of the runner's own surroundings, for agents that are online. None where it is on the
 * runner's loopback, which no container reaches.
 */
export function proxyOfSurroundings(
  env: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> {
  const told = Object.entries(env).flatMap(([name, value]): [string, string][] =>
    value && NAMES.includes(name.toUpperCase()) && !isLoopback(value) ? [[name, value]] : [],
  );
  const exempt = told.filter(([name]) => name.toUpperCase() === "NO_PROXY");
  const proxies = told.filter((one) => !exempt.includes(one));
  if (proxies.length === 0) return {};
  const direct = [...exempt.map(([, value]) => value), ...DIRECT].join(",");
  return { ...Object.fromEntries(proxies), NO_PROXY: direct, no_proxy: direct };
}

const isLoopback = (value: string): boolean =>
  /^(\w+:\/\/)?([^@/]*@)?(localhost|127\.[\d.]+|\[::1\])(:|\/|$)/i.test(value);

/** Passwords in addresses of proxies: not to be found in what is kept. */
export const passwordsOf = (proxies: Readonly<Record<string, string>>): readonly string[] =>
  Object.values(proxies).flatMap((value) => {
    const password = URL.parse(value)?.password ?? "";
    return password === "" ? [] : [password, decodeURIComponent(password)];
  });
