// spec/page.md · The codec
// Writes src/wire.ts from the description of the protocol, spec/wire/papertrader.json: `node generate.mjs [FILE]`.
import { readFileSync, writeFileSync } from "node:fs";

const here = new URL(".", import.meta.url);
const wire = JSON.parse(readFileSync(new URL("../../spec/wire/papertrader.json", here), "utf8"));
const target = process.argv[2] ?? new URL("src/wire.ts", here);

/** What an argument of an answer becomes, where it is not just a text: its type here, and its reader. */
const CONVERTED = {
  CanonicalMoney: ["Money", "readMoney"],
  CanonicalMoneyOrDash: ["Money | null", "readMoneyOrNone"],
  CanonicalQuantity: ["Quantity", "readMoney"],
  CanonicalTime: ["number", "readTime"],
  DroppedCount: ["number", "Number"],
  PollSeconds: ["number", "Number"],
};
/** What a scalar of a payload becomes: its type here, and the method of Reader. */
const SCALARS = {
  money: "Money",
  quantity: "Quantity",
  percent: "bigint",
  time: "number",
  duration: "number",
  flag: "boolean",
  uuid: "string",
  u64: "bigint",
  text: "string",
  symbol: "string",
  count: "number",
  share: "number",
  side: "number",
  status: "number",
  u32: "number",
  u16: "number",
  u8: "number",
};

const lines = [];
const put = (...texts) => lines.push(...texts);
const capital = (text) => text[0].toUpperCase() + text.slice(1);
const quoted = (text) => JSON.stringify(text);
const comment = (text, indent = "") => text && put(`${indent}/** ${capital(text.replaceAll("*/", "*\\/"))} */`);
const isClients = (row) => row.direction !== "link" && row.edition !== undefined;
const requests = wire.instructions.filter((row) => row.direction === "request" || row.name === "ping");
const notices = wire.instructions.filter((row) => row.direction === "notice" && isClients(row));

/** Two requests are called login: the later one is named by what it takes. */
const nameOf = (row) => {
  const twins = requests.filter((other) => other.name === row.name);
  return twins[0] === row ? row.name : `${row.name}With${capital(row.arguments[0].name)}`;
};

/** The words of a pattern that is a choice of words, as a type of TypeScript. */
const argumentForm = (type) => {
  const pattern = wire.argumentTypes[type].pattern ?? "";
  return /^[a-z-]+(\|[a-z-]+)*$/.test(pattern) ? pattern.split("|").map(quoted).join(" | ") : "string";
};
const answerForm = (argument) => {
  const type = wire.argumentTypes[argument.type];
  const form = CONVERTED[argument.type]?.[0] ?? (type.none ? "string | null" : "string");
  if (argument.repeated) return `readonly ${form}[]`;
  return argument.optional ? `${form} | null` : form;
};

// Layouts that an answer reaches, each after those that it is made of.
const layouts = [];
const reach = (name) => {
  if (layouts.includes(name)) return;
  for (const field of wire.layouts[name].fields) if (field.layout) reach(field.layout);
  layouts.push(name);
};
for (const row of requests) for (const answer of row.answers) if (answer.payload) reach(answer.payload);

/** The fields of the layout around it on which a layout depends, with their types. */
const outerOf = (name) => {
  const fields = wire.layouts[name].fields;
  const own = new Set(fields.map((field) => field.name));
  return [...new Set(fields.flatMap((field) => (field.when && !own.has(field.when.field) ? [field.when.field] : [])))];
};

const writeInterface = (name) => {
  const layout = wire.layouts[name];
  comment(layout.about);
  put(`export interface ${name} {`);
  const byName = new Map();
  for (const field of layout.fields) byName.set(field.name, [...(byName.get(field.name) ?? []), field]);
  for (const [field, variants] of byName) {
    const form = variants
      .map((variant) => {
        const one = variant.layout ?? SCALARS[variant.scalar];
        return variant.repeated ? `readonly ${one}[]` : one;
      })
      .join(" | ");
    comment(variants[0].about, "  ");
    put(`  readonly ${field}${variants.length === 1 && variants[0].when ? "?" : ""}: ${form};`);
  }
  put("}", "");
};

const readerCall = (field, record) => {
  if (!field.layout) return `reader.${field.scalar}(${field.scalar === "symbol" ? "SYMBOL" : ""})`;
  const outer = outerOf(field.layout);
  return `read${field.layout}(reader${outer.length ? `, ${record}` : ""})`;
};
const writeReader = (name) => {
  const { fields } = wire.layouts[name];
  const outer = outerOf(name);
  const around = outer.length ? `, outer: { readonly ${outer.map((field) => `${field}: boolean`).join("; ")} }` : "";
  put(`function read${name}(reader: Reader${around}): ${name} {`);
  put(`  const record = {} as Writable<${name}>;`);
  for (const field of fields) {
    let indent = "  ";
    if (field.when) {
      const owner = outer.includes(field.when.field) ? "outer" : "record";
      const flag = fields.find((other) => other.name === field.when.field)?.scalar ?? "flag";
      if (flag !== "flag") throw new Error(`${name}.${field.name} depends on a ${flag}`);
      put(`  if (${field.when.equals ? "" : "!"}${owner}.${field.when.field}) {`);
      indent = "    ";
    }
    const call = readerCall(field, "record");
    if (field.repeated === "*") put(`${indent}record.${field.name} = reader.rest(() => ${call});`);
    else if (field.repeated) put(`${indent}record.${field.name} = reader.times(record.${field.repeated}, () => ${call});`);
    else put(`${indent}record.${field.name} = ${call};`);
    if (field.when) put("  }");
  }
  put("  return record;", "}", "");
};

const answerReader = (answer) => {
  if (answer.payload) return `read${answer.payload}`;
  return `(${answer.arguments.length ? "texts" : ""}) => ({ instruction: ${quoted(answer.name)}${answer.arguments
    .map((argument, index) => {
      const convert = CONVERTED[argument.type]?.[1];
      const none = wire.argumentTypes[argument.type].none;
      const one = (text) => (convert ? `${convert}(${text})` : none ? `readOrNone(${text})` : text);
      if (argument.repeated) return `, ${argument.name}: texts.slice(${index})`;
      const text = `text(texts, ${index})`;
      return `, ${argument.name}: ${argument.optional ? `texts.length > ${index} ? ${one(text)} : null` : one(text)}`;
    })
    .join("")} })`;
};
const argumentRows = (list) =>
  list
    .map((argument) => {
      const marks = `${argument.optional ? ", optional: true" : ""}${argument.repeated ? ", repeated: true" : ""}`;
      const reason = argument.reason ? `, reason: ${quoted(argument.reason)}` : "";
      return `{ name: ${quoted(argument.name)}, type: ${quoted(argument.type)}${marks}${reason} }`;
    })
    .join(", ");

put("// spec/page.md · The codec");
put("// Written by `node generate.mjs` from spec/wire/papertrader.json: do not edit.");
put('import type { AnswerRow, ArgumentRow, ArgumentType, RequestRow, Reader, Writable } from "./reader.ts";');
put('import { readMoney, readMoneyOrNone, readOrNone, readTime, text } from "./reader.ts";');
put('import type { Money, Quantity } from "./money.ts";', "");
put("/** Bytes of a message's header. */", `export const HEADER_BYTES = ${wire.header.bytes};`);
put("/** Bytes of a message's data at most. */", `export const DATA_BYTES_MAX = ${wire.header.dataMax};`);
put("/** How passwords are hashed. */");
put(`export const HASHED_PASS = ${JSON.stringify({
  salt: wire.hashedPass.salt,
  rounds: wire.hashedPass.rounds,
  bytes: wire.hashedPass.bytes,
  normalization: wire.hashedPass.normalization,
})} as const;`, "");

for (const name of layouts) writeInterface(name);

put("/** What a request takes, in order; an argument that may be left out is left out from the right. */");
put("export interface Arguments {");
for (const row of requests) {
  comment(row.about, "  ");
  const list = row.arguments.map((argument) => `${argument.name}${argument.optional ? "?" : ""}: ${argumentForm(argument.type)}`);
  put(`  readonly ${nameOf(row)}: readonly [${list.join(", ")}];`);
}
put("}", "", "/** The successes of a request: the value of a payload, or the arguments of a message. */", "export interface Answers {");
for (const row of requests) {
  const forms = row.answers
    .filter((answer) => answer.outcome === "success")
    .map((answer) => {
      if (answer.payload) return answer.payload;
      const list = answer.arguments.map((argument) => `readonly ${argument.name}: ${answerForm(argument)}`);
      return `{ ${[`readonly instruction: ${quoted(answer.name)}`, ...list].join("; ")} }`;
    });
  put(`  readonly ${nameOf(row)}: ${forms.length ? forms.join("\n    | ") : "never"};`);
}
put("}", "", "/** The name of a request. */", "export type RequestName = keyof Arguments;", "");

put("/** What the server tells without being asked. */");
put(`export type Notice =\n  | ${notices
  .map((row) => `{ ${[`readonly instruction: ${quoted(row.name)}`, ...row.arguments.map((argument) => `readonly ${argument.name}: ${answerForm(argument)}`)].join("; ")} }`)
  .join("\n  | ")};`, "");

for (const [name, list] of Object.entries(wire.lists)) {
  if (name === "linkRefusals") continue;
  comment(`${list.about} Words that are not here may come.`);
  const numbered = list.values.some((value) => value.number !== undefined);
  const constant = name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
  put(
    numbered && name !== "orderKinds"
      ? `export const ${constant}: ReadonlyMap<number, string> = new Map([${list.values.map((value) => `[${value.number}, ${quoted(value.name)}]`).join(", ")}]);`
      : `export const ${constant}: readonly string[] = [${list.values.map((value) => quoted(value.name)).join(", ")}];`,
    "",
  );
}

const used = new Set(
  [...requests, ...notices].flatMap((row) => [
    ...row.arguments.map((argument) => argument.type),
    ...(row.answers ?? []).flatMap((answer) => answer.arguments.map((argument) => argument.type)),
  ]),
);
used.add("Symbol");
put("/** The forms of arguments. */", "export const ARGUMENT_TYPES: Readonly<Record<string, ArgumentType>> = {");
for (const name of [...used].sort()) {
  const { pattern, minLength, maxLength, maxBytes, exclusiveMinimum, maximum } = wire.argumentTypes[name];
  put(`  ${name}: ${JSON.stringify({ pattern, minLength, maxLength, maxBytes, exclusiveMinimum, maximum })},`);
}
put("};", `const SYMBOL: ArgumentType = ${JSON.stringify({ pattern: wire.argumentTypes.Symbol.pattern })};`, "");
for (const name of layouts) writeReader(name);

put("const FAILURE: readonly ArgumentRow[] = [", '  { name: "code", type: "ReasonCode" },', '  { name: "text", type: "Text" },', "];");
put("/** What is known of each request: number, state, arguments, and its answers by number. */");
put("export const REQUESTS: { readonly [Name in RequestName]: RequestRow<Answers[Name]> } = {");
for (const row of requests) {
  const state = row.states.length === 1 ? quoted(row.states[0]) : "null";
  put(`  ${nameOf(row)}: {`, `    number: ${row.number},`, `    state: ${state},`, `    arguments: [${argumentRows(row.arguments)}],`, `    answers: new Map<number, AnswerRow<Answers[${quoted(nameOf(row))}]>>([`);
  for (const answer of row.answers) {
    if (answer.outcome !== "success") put(`      [${answer.number}, { failure: true, arguments: FAILURE }],`);
    else if (answer.payload) put(`      [${answer.number}, { payload: ${answerReader(answer)} }],`);
    else put(`      [${answer.number}, { arguments: [${argumentRows(answer.arguments)}], read: ${answerReader(answer)} }],`);
  }
  put("    ]),", "  },");
}
put("};", "", "/** The notices by their number. */", "export const NOTICES: ReadonlyMap<number, AnswerRow<Notice>> = new Map<number, AnswerRow<Notice>>([");
for (const row of notices) put(`  [${row.number}, { arguments: [${argumentRows(row.arguments)}], read: ${answerReader({ ...row, payload: undefined })} }],`);
put("]);");
writeFileSync(target, `${lines.join("\n")}\n`);
