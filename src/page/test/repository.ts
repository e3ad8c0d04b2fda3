// spec/page.md · Unit tests
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The repository's folder: build.mjs puts it here. */
declare const REPOSITORY: string;

/** The description of the protocol, as far as the tests read it. */
export interface Description {
  readonly vectors: {
    readonly frames: readonly { readonly name: string; readonly hex: string; readonly number: number; readonly arguments?: readonly string[]; readonly data?: string }[];
    readonly payloads: readonly { readonly name: string; readonly layout: string; readonly hex: string; readonly value: unknown }[];
    readonly hashedPass: readonly { readonly username: string; readonly password: string; readonly hashedPass: string }[];
  };
  readonly instructions: readonly { readonly number: number; readonly name: string; readonly direction: string; readonly answers: readonly { readonly payload?: string }[] }[];
  readonly argumentTypes: Readonly<Record<string, { readonly examples?: readonly string[]; readonly wrong?: readonly string[] }>>;
}
export const description = JSON.parse(readFileSync(join(REPOSITORY, "spec/wire/papertrader.json"), "utf8")) as Description;

export function unhex(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, "hex"));
}
