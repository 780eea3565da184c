/** Where a proxy of the surroundings is told, in the order that curl and others look. */
const VARIABLES = {
  "http:": ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"],
  "https:": ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"],
} as const;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The proxy that a runner's own environment wants for an address, by `HTTP_PROXY`, `HTTPS_PROXY`,
 * `ALL_PROXY` and `NO_PROXY`. Proxies that speak HTTP only.
 */
export function outerProxyOf(url: URL, env: Environment): URL | undefined {
  const names = VARIABLES[url.protocol === "http:" ? "http:" : "https:"];
  const told = names.map((name) => env[name]?.trim()).find((value) => value);
  if (told === undefined || isExempt(url, env["no_proxy"] ?? env["NO_PROXY"] ?? "")) {
    return undefined;
  }
  const text = told.includes("://") ? told : `http://${told}`;
  const proxy = URL.parse(text);
  return proxy && /^https?:$/.test(proxy.protocol) ? proxy : undefined;
}

/** `*`, `host`, `.host` and `*.host` with what is below, each also with a port. */
function isExempt(url: URL, noProxy: string): boolean {
  const port = url.port || (url.protocol === "http:" ? "80" : "443");
  const host = url.hostname.replace(/^\[|\]$/g, "").toLowerCase();
  return noProxy
    .split(/[\s,]+/)
    .filter(Boolean)
    .some((entry) => {
      if (entry === "*") return true;
      const [, name = "", only] = /^(.*?)(?::(\d+))?$/.exec(entry.toLowerCase()) ?? [];
      const wanted = (entry.split(":").length > 2 ? entry : name).replace(/^\*?\./, "");
      if (only !== undefined && entry.split(":").length === 2 && only !== port) return false;
      return host === wanted || host.endsWith(`.${wanted}`);
    });
}
