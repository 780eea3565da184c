import { describe, expect, it } from "vitest";
import { redactor } from "./redactor.ts";

const { text } = redactor({ values: [] });
const MIXED = "a1B2c3D4e5F6g7H8i9J0";
const PEM = `${MIXED}+/${MIXED}/${MIXED}`;

/** What is between « and » must be taken out, nothing else. */
function expectTaken(marked: string) {
  const [before, after] = [
    marked.replaceAll(/[«»]/g, ""),
    marked.replaceAll(/«[^»]*»/g, "[REDACTED]"),
  ];
  expect(text(before)).toBe(after);
}

describe("takes out", () => {
  it.each([
    `key «sk-ant-api03-${MIXED}_-AA» ok`,
    `«sk-ant-oat01-${MIXED}»`,
    `«sk-proj-${MIXED}-x_y»`,
    `«sk-or-v1-${MIXED}»`,
    `x=«sk-${MIXED}»;`,
    `«ghp_${MIXED}»`,
    `«ghs_${MIXED}», «gho_${MIXED}», «ghu_${MIXED}»`,
    `«github_pat_11AAAA_${MIXED}»`,
    "«AKIAIOSFODNN7EXAMPLE» end",
    `«AIza${"Sy0aB-c_d".repeat(4).slice(0, 35)}»`,
    "«xoxb-123456789012-abcdefghij»",
    "«xoxp-123456789012»",
    "«eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl» and on",
    "«eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.»",
    `«gsk_${MIXED}» «hf_${MIXED}» «npm_${MIXED}» «glpat-${MIXED}» «xai-${MIXED}»`,
    `«sk_live_${MIXED}» «xapp-1-A012345-${MIXED}»`,
    // private keys
    `-----BEGIN PRIVATE KEY-----\n«${PEM}\n»-----END PRIVATE KEY-----\n`,
    String.raw`"-----BEGIN RSA PRIVATE KEY-----\n«${PEM}\n»-----END RSA PRIVATE KEY-----\n"`,
    `-----BEGIN EC PRIVATE KEY-----\r\n«Proc-Type: 4,ENCRYPTED\r\nDEK-Info: AES-128-CBC,0AF3\r\n\r\n${PEM}\r\n»-----END EC PRIVATE KEY-----`,
    `     1→-----BEGIN OPENSSH PRIVATE KEY-----\n     2→«${PEM}\n     3→${PEM}==\n     4→»-----END OPENSSH PRIVATE KEY-----`,
    String.raw`{\"key\":\"-----BEGIN PRIVATE KEY-----\\n«${PEM}»\"}`,
    // headers, as text, in code, in JSON, in JSON in JSON
    "Authorization: Bearer «abcDEF.123~+/=»",
    "authorization: bearer «abcdef»",
    `curl -H "Authorization: token «abcdef»"`,
    `{"Authorization":"Bearer «abc-def»"}`,
    String.raw`{"a":"{\"authorization\":\"Bearer «abc-def»\"}"}`,
    `["authorization", "Basic «dXNlcjpw»"]`,
    "x-api-key: «abcdef»",
    `"x-api-key": "«abcdef»"`,
    String.raw`\"x-api-key\": \"«abcdef»\"`,
    "X-Goog-Api-Key: «abcdef»",
    "Proxy says Basic «dXNlcjpzZWNyZXQtcGFzcw==»",
    `Bearer «${MIXED}»`,
    // addresses
    "https://bob:«hunter2»@example.com/x",
    "https://x-access-token:«ghs_abc»@github.com/o/r.git",
    "GET /cb?a=1&access_token=«abcdefgh»&b=2",
    // environment files and shells
    "export GITHUB_TOKEN=«abcdefgh»",
    'AWS_SECRET_ACCESS_KEY="«wJalrXUtnFEMI/K7MDENG»"',
    String.raw`OPENAI_API_KEY=\"«abcdefgh»\"`,
    "DB_PASSWORD=«correct!horse»",
    // configuration
    `{"access_token": "«abcd1234»"}`,
    `{"client_secret":"«abcd1234!»"}`,
    String.raw`{\"password\": \"«hunter22»\"}`,
    `api_key = "«${MIXED}»"`,
    `api-key: «${MIXED}»`,
    `password=«${MIXED}»`,
    // a word only seems to go on where an escape ends
    String.raw`first\n«sk-abcdefghij0123456789»`,
    `a%20«ghp_${MIXED}»`,
    String.raw`\u003d«ghp_${MIXED}»`,
    String.raw`\u001b[1;31m«ghp_${MIXED}»`,
    `\u001b[31m«ghp_${MIXED}»`,
  ])("%s", expectTaken);
});

describe("leaves", () => {
  it.each([
    `"usage":{"input_tokens":12000001,"cache_read_input_tokens":9000,"output_tokens":55}`,
    `"max_tokens": 4096, "tokens": "12345678", "token_count": "12345678"`,
    "9fceb02d0ae598e95dc970b74767f19372d61af8",
    "commit 9fceb02d0ae598e95dc970b74767f19372d61af8 (HEAD -> task-9fceb02d0ae598e95dc970b74767)",
    "0bf2be08-f054-4516-b0e8-e667eeb731f3",
    "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
    '"integrity": "sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg=="',
    "risk-abcdefghij0123456789 desk-abcdefghij0123456789",
    "sk-fading-circle-something-long { }",
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk",
    `data:application/json;base64,eyJ2ZXJzaW9uIjozLCJzb3VyY2VzIjpbXX0=`,
    "toolu_ebe1ac1bc2b0af563e0b8bf7 msg_d5ff05374bf99747d657a9e6 req_25cf3a463b38a569c6f091c8",
    "const token = parser.next(); if (token.type === 'x') return token;",
    "password = hash_password_sha256_long(x)",
    "api_key = settings.providers[0].api_key",
    "token: string; password?: string; apiKey: Config['apiKey2']",
    '{"password": "Enter your password"}',
    '"token": "required"',
    "GITHUB_TOKEN=$OTHER_TOKEN TOKEN=<your-token-1>",
    "Authorization: Bearer $TOKEN_12345678",
    `headers: { "x-api-key": apiKey2, authorization: "Bearer " + token1 }`,
    "http://localhost:3000/path@2x.png",
    "http://localhost:3000",
    "git@github.com:owner/repo.git ssh://git@host:22/x",
    "basic understanding of internationalization",
    "the bearer authentication-middleware-test",
    "-----BEGIN PRIVATE KEY-----",
    "a line -----BEGIN PRIVATE KEY----- and then words",
    `-----BEGIN PUBLIC KEY-----\n${PEM}\n-----END PUBLIC KEY-----`,
    `-----BEGIN CERTIFICATE-----\n${PEM}\n-----END CERTIFICATE-----`,
    "hf_transfer npm_config_registry xai-grok sk_test_short",
    "AIzaShort AKIASHORT ghp_short xoxb-short",
    "AKIAIOSFODNN7EXAMPLEANDMORE",
  ])("%s", expectTaken);
});
