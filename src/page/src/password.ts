// spec/page.md · Passwords
import { HASHED_PASS } from "./wire.ts";

/** Code points that a new password has at least. */
export const PASSWORD_LENGTH_MIN = 8;

/** The form that is hashed: NFC, not trimmed, nothing else. */
export function normalForm(password: string): string {
  return password.normalize(HASHED_PASS.normalization);
}

/** Whether the browser can hash: it does so on https and on this computer alone. */
export function canHash(): boolean {
  return globalThis.isSecureContext !== false && typeof globalThis.crypto?.subtle?.deriveBits === "function";
}

/** What is sent in place of a password. `password` is hashed as it is: normalise it before. */
export async function hashPassword(username: string, password: string): Promise<string> {
  const utf8 = new TextEncoder();
  const key = await crypto.subtle.importKey("raw", utf8.encode(password), "PBKDF2", false, ["deriveBits"]);
  const bits = await crypto.subtle.deriveBits(
    {
      name: "PBKDF2",
      hash: "SHA-256",
      salt: utf8.encode(HASHED_PASS.salt + username.toLowerCase()),
      iterations: HASHED_PASS.rounds,
    },
    key,
    HASHED_PASS.bytes * 8,
  );
  return [...new Uint8Array(bits)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Why a new password is refused before it is sent; null if it is not. */
export type PasswordFault = "short" | "name" | "email" | null;
export function checkNewPassword(password: string, username: string, email: string): PasswordFault {
  const normal = normalForm(password);
  if ([...normal].length < PASSWORD_LENGTH_MIN) return "short";
  const folded = normal.toLowerCase();
  if (folded === normalForm(username).toLowerCase()) return "name";
  if (email !== "" && folded === normalForm(email).toLowerCase()) return "email";
  return null;
}
