/** What a program needs to run on this machine, reach its engine and the network. */
const ALLOWED = new Set([
  "PATH",
  "HOME",
  "USER",
  "LOGNAME",
  "LANG",
  "LANGUAGE",
  "TZ",
  "TMPDIR",
  "XDG_RUNTIME_DIR",
  "XDG_STATE_HOME",
  "XDG_CACHE_HOME",
  "XDG_CONFIG_HOME",
  "DOCKER_HOST",
  "DOCKER_TLS_VERIFY",
  "DOCKER_CERT_PATH",
  "DOCKER_API_VERSION",
  "DOCKER_CONFIG",
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "ALL_PROXY",
  "NO_PROXY",
  "http_proxy",
  "https_proxy",
  "all_proxy",
  "no_proxy",
  "NODE_EXTRA_CA_CERTS",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
]);

const SECRET_NAME = /KEY|TOKEN|SECRET|PASSW|CRED|SEED|AUTH|COOKIE/i;
const USER_INFO = /:\/\/[^/\s@]+@/;

/**
 * The environment the supervisor gets. It outlives the command that starts it and serves others, so
 * nothing of that command's credentials may be in it: a list of what is allowed, and of `PITAYA_…`
 * what does not look secret. An address with a user name in it is left out whatever its name.
 */
export function supervisorEnvironment(env: NodeJS.ProcessEnv): Record<string, string> {
  const kept = Object.entries(env).flatMap(([name, value]) =>
    value !== undefined && isAllowed(name) && !USER_INFO.test(value) ? [[name, value]] : [],
  );
  return Object.fromEntries(kept);
}

function isAllowed(name: string): boolean {
  if (ALLOWED.has(name) || name.startsWith("LC_")) return true;
  return name.startsWith("PITAYA_") && !SECRET_NAME.test(name);
}
