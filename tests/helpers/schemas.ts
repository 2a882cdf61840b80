// JSON outputs against their schemas in docs/schemas; a field that the schema does not name is an error here.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { root } from "./run.ts";

const folder = join(root, "docs/schemas");
const ajv = new Ajv2020({ allErrors: true, strictTypes: false });
ajv.addFormat("date-time", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
for (const file of readdirSync(folder)) ajv.addSchema(closed(JSON.parse(readFileSync(join(folder, file), "utf8"))) as object);

/** The same schema without room for what it does not name. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== "object" || schema === null) return schema;
  const inner = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closed(value)]));
  const isShared = inner["$id"] === "usage.json"; // stats adds to it
  return inner["type"] === "object" && "properties" in inner && !isShared ? { ...inner, unevaluatedProperties: false } : inner;
}

export function checkSchema(name: string, value: unknown): void {
  const validate = ajv.getSchema(`${name}.json`);
  assert.ok(validate, name);
  assert.ok(validate(value), `${name}: ${ajv.errorsText(validate.errors)}\n${JSON.stringify(value, undefined, 1)}`);
}
