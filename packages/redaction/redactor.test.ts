import { describe, expect, it } from "vitest";
import { PatternError } from "./pattern.ts";
import { type Json, redactor } from "./redactor.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const str = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const VALUE = 'pass"w\\ö/rd 1+&';
const base64 = (text: string) => Buffer.from(text).toString("base64");

describe("a value in use", () => {
  const { text, containsSecret } = redactor({ values: [VALUE] });
  const forms: Record<string, string> = {
    "as it is": VALUE,
    "in JSON": JSON.stringify(VALUE).slice(1, -1),
    "in JSON in JSON": JSON.stringify(JSON.stringify(VALUE)).slice(3, -3),
    "in ASCII JSON": JSON.stringify(VALUE).slice(1, -1).replace("ö", "\\u00f6"),
    "in JSON with slashes escaped": JSON.stringify(VALUE).slice(1, -1).replace("/", "\\/"),
    "in JSON safe for HTML": JSON.stringify(VALUE).slice(1, -1).replace("&", "\\u0026"),
    "in a URL": encodeURIComponent(VALUE),
    "in a URL, lower case": encodeURIComponent(VALUE).toLowerCase(),
    "in a form": new URLSearchParams({ a: VALUE }).toString().slice(2),
    "in base64": base64(VALUE).replace(/=+$/, ""),
    "in base64 for URLs": Buffer.from(VALUE).toString("base64url"),
  };
  it.each(Object.entries(forms))("is taken out %s", (_, form) => {
    expect(text(`before ${form} after`)).toBe("before [REDACTED] after");
    expect(containsSecret(`before ${form} after`)).toBe(true);
  });

  it.each(["", "u", "us", "user:"])("is taken out of base64 that begins with %j", (before) => {
    for (const after of ["", "x", "xy", "xyz"]) {
      const [whole, redacted] = [
        base64(before + VALUE + after),
        text(base64(before + VALUE + after)),
      ];
      expect(redacted).toContain("[REDACTED]");
      const kept = redacted.replace("[REDACTED]", "").length;
      expect(kept).toBeLessThanOrEqual(whole.length - base64(VALUE).length + 4);
    }
  });

  it.each([10, 64, 76])("is taken out of base64 that is folded every %d characters", (width) => {
    const key = "sk-ant-api03-".padEnd(112, "Ab3_x9-");
    const folded = base64(`ANTHROPIC_API_KEY=${key}\n`).replace(
      new RegExp(`.{${width}}(?=.)`, "g"),
      "$&\n",
    );
    const { text } = redactor({ values: [key] });
    for (const form of [folded, folded.replaceAll("\n", "\r\n"), JSON.stringify(folded)]) {
      const kept = text(form).replace("[REDACTED]", "").length;
      expect(kept).toBeLessThan(40);
    }
  });

  it("is looked for without the white space around it", () => {
    expect(redactor({ values: ["  hunter2\n"] }).text("a hunter2 b")).toBe("a [REDACTED] b");
  });

  it("is not looked for below six characters", () => {
    const short = redactor({ values: ["abcde", "", "   "] });
    expect(short.text("abcde")).toBe("abcde");
    expect(short.containsSecret("abcde")).toBe(false);
  });

  it("is taken out whole where values overlap", () => {
    const { text } = redactor({ values: ["abcdefgh", "efghijkl", "abcdef"] });
    expect(text("-abcdefghijkl-abcdef-")).toBe("-[REDACTED]-[REDACTED]-");
    expect(redactor({ values: ["ababab"] }).text("xababababx")).toBe("x[REDACTED]x");
  });
});

it("finds either half of a value, for files that keep it in pieces", () => {
  const { containsHalf } = redactor({ values: ["canary-value-4711"] });
  for (const text of ["x canary-va", "alue-4711 x", "canary-v|canary-value-4711"]) {
    expect(containsHalf(utf8(text))).toBe(true);
  }
  for (const text of ["canary-v", "lue-4711", ""]) expect(containsHalf(utf8(text))).toBe(false);
});

it("looks in commits for values only: a shape may be a test's own", () => {
  const { containsSecret, text } = redactor({ values: ["hunter2!"] });
  const shape = "sk-ant-api03-abcdefghijklmnop1234";
  expect(text(shape)).toBe("[REDACTED]");
  expect(containsSecret(shape)).toBe(false);
  expect(containsSecret(utf8("+pw = hunter2!\n"))).toBe(true);
});

it("finds a value in content that comes in parts", () => {
  const detector = redactor({ values: ["hunter2!"] }).secretDetector();
  expect(detector.push(utf8("+hun"))).toBe(false);
  expect(detector.push(utf8("ter2"))).toBe(false);
  expect(detector.push(utf8("!"))).toBe(true);
  expect(detector.push(utf8("more"))).toBe(true);
});

it("gives back the very text when nothing is in it", () => {
  const odd = "lone \ud800 surrogate, nul \u0000, ö";
  expect(redactor({ values: ["secret-value"] }).text(odd)).toBe(odd);
});

describe("JSON", () => {
  const { json } = redactor({ values: ["hunter2!"] });

  it("is redacted in depth, keys too", () => {
    expect(json({ a: ["x hunter2!", { "k hunter2!": 1 }], n: null, t: true, i: 7 })).toEqual({
      a: ["x [REDACTED]", { "k [REDACTED]": 1 }],
      n: null,
      t: true,
      i: 7,
    });
  });

  it("loses the texts of fields that are named as secrets, not the counts", () => {
    const value = {
      apiKey: "x",
      "X-Api-Key": "x",
      access_token: "x",
      Authorization: ["Bearer x"],
      password: { old: "x", length: 3 },
      cookie: "x",
      input_tokens: 12,
      tokens_used: "12",
      token: 5,
      tokenizer: "bpe",
      secretary: "Ann",
    };
    expect(json(value)).toEqual({
      ...value,
      apiKey: "[REDACTED]",
      "X-Api-Key": "[REDACTED]",
      access_token: "[REDACTED]",
      Authorization: ["[REDACTED]"],
      password: { old: "[REDACTED]", length: 3 },
      cookie: "[REDACTED]",
    });
  });

  it("nested without end is cut off, not a crash", () => {
    const deep = JSON.parse("[".repeat(50_000) + "]".repeat(50_000)) as Json;
    expect(JSON.stringify(json(deep))).toContain("[REDACTED]");
  });

  it("keeps a key named __proto__ a key", () => {
    const redacted = json(JSON.parse('{"__proto__":{"a":"hunter2!"}}') as Json);
    expect(JSON.stringify(redacted)).toBe('{"__proto__":{"a":"[REDACTED]"}}');
  });
});

describe("a stream", () => {
  const values = ["hunter2!"];

  it("holds back only what may be the beginning of a secret", () => {
    const stream = redactor({ values }).stream();
    expect(stream.push(utf8("say hunt"))).toMatchObject({ bytes: utf8("say "), consumed: 4 });
    expect(str(stream.push(utf8("ing")).bytes)).toBe("hunting");
    expect(str(stream.push(utf8(" hunter2")).bytes)).toBe(" ");
    expect(stream.push(utf8("! "))).toMatchObject({ bytes: utf8("[REDACTED] "), consumed: 21 });
    expect(str(stream.push(utf8("h")).bytes)).toBe("");
    expect(stream.end()).toMatchObject({ bytes: utf8("h"), consumed: 22 });
  });

  it("keeps bytes that are no UTF-8, and characters that are cut", () => {
    const stream = redactor({ values: ["schlüssel"] }).stream();
    const [key, bad] = [utf8("schlüssel"), Uint8Array.of(0xff, 0xfe, 0xc3)];
    const out = [key.subarray(0, 5), key.subarray(5), bad].map((part) => stream.push(part).bytes);
    expect(Buffer.concat([...out, stream.end().bytes])).toEqual(
      Buffer.concat([utf8("[REDACTED]"), bad]),
    );
  });

  it("does not say that it is done with what a secret is told by", () => {
    const stream = redactor({ values: [] }).stream();
    const first = stream.push(utf8("ok\nx-api-key: abcdefgh"));
    expect(first.consumed).toBe(3);
    expect(str(first.bytes)).toBe("ok\n");
    expect(str(stream.push(utf8("ijkl\n")).bytes)).toBe("x-api-key: [REDACTED]\n");
  });

  it("does not say that it is done inside a secret that another may begin in", () => {
    const stream = redactor({ values: ["abcdefgh", "efgh!jkl"] }).stream();
    expect(stream.push(utf8("xabcdefgh")).consumed).toBe(1);
    expect(stream.push(utf8("!")).consumed).toBe(1);
    expect(str(stream.push(utf8("\n")).bytes)).toBe("[REDACTED]!\n");
    expect(stream.push(utf8("x-api-key: abcdefgh!")).consumed).toBe(11);
  });

  it("does not say that it is done in the middle of an escape", () => {
    const stream = redactor({ values: ["20eyJh"] }).stream();
    expect(stream.push(utf8("a%2")).consumed).toBe(1);
    expect(stream.push(utf8("0eyJ")).consumed).toBe(1);
    expect(stream.push(utf8("h\n"))).toMatchObject({ bytes: utf8("%[REDACTED]\n"), consumed: 9 });
  });

  it("swallows a secret of any length in bounded memory", () => {
    const stream = redactor({ values }).stream();
    const part = utf8("a1".repeat(32 * 1024));
    let out = str(stream.push(utf8("sk-ant-")).bytes);
    for (let i = 0; i < 20; i += 1) {
      out += str(stream.push(part).bytes);
      expect(stream.heldBytes).toBeLessThan(64);
    }
    out += str(stream.push(utf8(" end")).bytes);
    expect(out + str(stream.end().bytes)).toBe("[REDACTED] end");
  });

  it.each([
    ["beginnings without end", "eyJ", "eyJaaaaaaaa"],
    ["contexts in a chain", "", "TOKEN=aaaaaaaaTOKEN"],
    ["quotes and backslashes", "", '\\"token\\":\\"'],
    ["touching secrets", "", "hunter2!"],
    ["a value's own beginning", "", "hunter2"],
    ["headers in a row", "", "authorization: bearer abcdefg"],
  ])("made for it cannot fill the memory: %s", (_, before, again) => {
    const stream = redactor({ values }).stream();
    stream.push(utf8(before));
    const part = utf8(again.repeat(Math.ceil(65_536 / again.length)));
    for (let i = 0; i < 8; i += 1) {
      stream.push(part);
      expect(stream.heldBytes).toBeLessThanOrEqual(256 * 1024 + part.length);
    }
  });
});

describe("custom patterns", () => {
  it("are taken out beside the known ones", () => {
    const { text } = redactor({ values: [], customPatterns: ["(?i)acme-[0-9]{4}", "ID:\\K\\d+"] });
    expect(text("ACME-1234 and ID:42, sk-ant-abcdefghijklmnop")).toBe(
      "[REDACTED] and ID:[REDACTED], [REDACTED]",
    );
  });

  it("that could run away or are not understood are refused with the place", () => {
    expect(() => redactor({ values: [], customPatterns: ["(a)\\1"] })).toThrow(PatternError);
    expect(() => redactor({ values: [], customPatterns: ["(a)\\1"] })).toThrow(
      'redaction pattern "(a)\\\\1": \\1 is not supported (at character 4)',
    );
  });

  it.each([
    [["(?:a?b?c?d?e?f?g?h?){100}x"], "one that goes on with everything everywhere"],
    [Array.from({ length: 30 }, (_, i) => `${i}\\w{200}`), "many that are long"],
  ])("are bounded together: %#, %s", (customPatterns) => {
    expect(() => redactor({ values: [], customPatterns })).toThrow("matching would take too long");
  });

  it("that make other engines run for ever take no longer than others", () => {
    const { text } = redactor({ values: [], customPatterns: ["(a+)+b", "(a|a)*c"] });
    const input = "a".repeat(20_000);
    expect(text(`${input}!`)).toBe(`${input}!`);
    expect(text("xaaab")).toBe("x[REDACTED]");
  });
});
