import type { ByteSet } from "./byte-set.ts";
import { ALNUM, DIGIT, setOfChars, union, without } from "./byte-set.ts";
import {
  byteNode,
  either,
  type Node,
  type Pattern,
  parsePattern,
  repeat,
  sequence,
} from "./pattern.ts";

/*
 * What keys and tokens look like when their values are not known. Each is a guess, and wrong
 * guesses spoil what people read, so: a prefix that only keys have, or a name that says "secret"
 * right before a value that looks like one. Usage counts (`input_tokens`), commit ids, UUIDs and
 * encoded data are left alone.
 */

/** Keys that announce themselves. */
const PREFIXED = [
  "sk-(?:ant|proj|svcacct|admin|or-v1)-[A-Za-z0-9_-]{16,}",
  String.raw`\bsk-[A-Za-z0-9]{20,}`,
  String.raw`\bgh[oprsu]_[A-Za-z0-9]{20,}`,
  String.raw`\bgithub_pat_[A-Za-z0-9_]{20,}`,
  String.raw`\b(?:AKIA|ASIA)[0-9A-Z]{16}(?![0-9A-Za-z])`,
  String.raw`\bAIza[0-9A-Za-z_-]{35}(?![0-9A-Za-z_-])`,
  String.raw`\bxox[abeprs]-[A-Za-z0-9-]{10,}`,
  String.raw`\bxapp-[0-9]-[A-Za-z0-9-]{20,}`,
  String.raw`\b(?:gsk_|hf_|npm_|glpat-|xai-|dop_v1_|pypi-|ya29\.)[A-Za-z0-9_-]{20,}`,
  String.raw`\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}`,
  // A JWT or JWE: base64 of `{"…`, a dot, more.
  String.raw`\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}[A-Za-z0-9_.-]*`,
];

/**
 * The inside of a private key in PEM form, from its first line on, as it is, in JSON, or with the line
 * numbers that agents' tools put before each line.
 */
const PRIVATE_KEY = String.raw`-----BEGIN (?:[A-Z]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----(?:[\s0-9]|\\{1,4}[nrt]|→){1,24}\K(?:[A-Za-z0-9+/]{16}|Proc-Type|Version)(?:[A-Za-z0-9+/=\s:,.()]|\\{1,4}[nrt/]|→|-[A-Za-z0-9])*`;

const QUOTE = String.raw`["'\\]{1,8}`;
const UNQUOTED_SEPARATOR = String.raw`\s{0,4}[:=]\s{0,4}`;
const QUOTED_SEPARATOR = String.raw`${QUOTE}\s{0,4}[:,=]\s{0,4}${QUOTE}`;

/** Headers and addresses that carry a credential. */
const CARRIED = [
  String.raw`(?i)authorization(?:${UNQUOTED_SEPARATOR}(?:${QUOTE})?|${QUOTED_SEPARATOR})\s{0,4}(?:basic|bearer|bot|token)\s{1,4}\K[A-Za-z0-9._~+/=-]{6,}`,
  String.raw`(?i)\bx-(?:[a-z]{1,20}-)?api-key(?:${UNQUOTED_SEPARATOR}|${QUOTED_SEPARATOR})\K[A-Za-z0-9._~+/=-]{6,}`,
  String.raw`(?i)\bbasic\s{1,2}\K[A-Za-z0-9+/]{14,}={1,2}`,
  String.raw`://[A-Za-z0-9._~%+-]{0,64}:\K[^\s/@:"'\\<>{}$()]{3,256}(?=[@])`,
  String.raw`(?i)[?&](?:access_token|auth_token|token|api_?key|client_secret|password|secret)=\K[A-Za-z0-9._~%+/-]{8,}`,
];

/** `GITHUB_TOKEN=…` in an environment file or a shell; not `TOKEN=$OTHER`. */
const ENVIRONMENT = String.raw`(?:API_?KEY|TOKEN|SECRET|SECRET_KEY|PASSWORD|PASSWD|ACCESS_KEY|PRIVATE_KEY)=["'\\]{0,8}\K[A-Za-z0-9_~+/.@:!#%^&*=-]{8,}`;

const NAME =
  "(?:api[_-]?key|token|secret|secret[_-]?key|password|passwd|access[_-]?key|private[_-]?key)";

/** What ends where a value stands in JSON, also in JSON that is inside JSON. */
const JSON_CONTEXT = String.raw`(?i)${NAME}${QUOTE}\s{0,4}:\s{0,4}${QUOTE}\Kx`;
/**
 * `api_key = abc…`, as configuration files and command lines have it. Before a call, an index or a
 * member it is code that gets the value from elsewhere.
 */
const PLAIN_CONTEXT = String.raw`(?i)(?:api[_-]?key|access[_-]?token|auth[_-]?token|client[_-]?secret|secret[_-]?key|password)${UNQUOTED_SEPARATOR}(?:${QUOTE})?\Kx(?![A-Za-z0-9_.([-])`;
const BEARER_CONTEXT = String.raw`(?i)\bbearer\s{1,2}\Kx`;
const BASIC_CONTEXT = String.raw`(?i)\bbasic\s{1,2}\Kx`;

const TOKEN_CHARS = union(ALNUM, setOfChars("_-"));
const BEARER_CHARS = union(TOKEN_CHARS, setOfChars(".~+/="));
const BASE64_CHARS = union(ALNUM, setOfChars("+/"));
const JSON_VALUE_CHARS = union(BEARER_CHARS, setOfChars("!#%&*:?@^|"));

/** At least `min` characters, a digit among them: words of a language have none. */
function runWithDigit(chars: ByteSet, min: number): Node {
  const any = byteNode(chars);
  const digit = byteNode(DIGIT);
  const other = byteNode(without(chars, DIGIT));
  let run = sequence(repeat(other, 0), digit, repeat(any, 0));
  for (let length = 1; length <= min; length += 1) {
    run = either(sequence(digit, repeat(any, length - 1)), sequence(other, run));
  }
  return run;
}

/** @param context ends in `\Kx`, where `x` stands for the secret */
const after = (context: string, secret: Node): Pattern => ({ ...parsePattern(context), secret });

export const KNOWN_SHAPES: readonly Pattern[] = [
  ...[...PREFIXED, PRIVATE_KEY, ...CARRIED, ENVIRONMENT].map(parsePattern),
  after(JSON_CONTEXT, runWithDigit(JSON_VALUE_CHARS, 8)),
  after(PLAIN_CONTEXT, runWithDigit(TOKEN_CHARS, 16)),
  after(BEARER_CONTEXT, runWithDigit(BEARER_CHARS, 20)),
  after(BASIC_CONTEXT, runWithDigit(BASE64_CHARS, 16)),
];
