import type { CredentialRule, Provider } from "./plugin.port.ts";

/** Providers that several CLIs can use. Each is found by the variables `<NAME>_API_KEY` and `<NAME>_BASE_URL`. */
export const openai = provider("openai", "responses", "https://api.openai.com/v1");
const openrouter = provider("openrouter", "responses", "https://openrouter.ai/api/v1");
/** Each customer has an address of their own. */
const azureOpenai = provider("azure_openai", "responses");
const groq = provider("groq", "responses", "https://api.groq.com/openai/v1");
const mistral = provider("mistral", "chat", "https://api.mistral.ai/v1");
const gemini = provider(
  "gemini",
  "chat",
  "https://generativelanguage.googleapis.com/v1beta/openai",
);
const deepseek = provider("deepseek", "chat", "https://api.deepseek.com/v1");
/** On a machine of the user's: no container reaches the loopback address it has by itself. */
const ollama: Provider = { ...provider("ollama", "responses"), keyless: true };

/** Those with an interface of OpenAI's kind, in the order in which their keys are looked for. */
export const OPENAI_LIKE: readonly Provider[] = [
  ...[openai, openrouter, azureOpenai, groq, mistral, gemini, deepseek, ollama],
];

export const anthropic = provider("anthropic", "messages", "https://api.anthropic.com/v1");

function provider(name: string, speaks: Provider["speaks"], baseUrl?: string): Provider {
  const prefix = name.toUpperCase();
  return {
    name,
    key: `${prefix}_API_KEY`,
    baseUrlSource: `${prefix}_BASE_URL`,
    ...(baseUrl !== undefined && { baseUrl }),
    speaks,
  };
}

/**
 * How the key of a provider is given.
 *
 * @param source the variable it is in, where that is not the provider's own
 */
export const keyOf = ({ name, key }: Provider, source: string = key): CredentialRule => ({
  ...{ mode: "api", flag: "api-key", source, env: key, provider: name },
});
