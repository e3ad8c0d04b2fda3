// spec/page.md · What the browser keeps
// A browser may refuse to keep anything: then nothing is kept, and the page works.

/** A session that the person asked to keep. */
export interface KeptSession {
  readonly username: string;
  readonly sessionID: string;
}
/** A sign-in with a provider that is under way. */
export interface PendingSignIn {
  readonly handle: string;
  readonly provider: string;
  readonly purpose: "sign-in" | "link";
  readonly keep: boolean;
  /** The account that the identity is to be linked to; empty at a sign-in. */
  readonly username: string;
}
export type Theme = "light" | "dark" | "system";

export const SESSION_KEY = "papertrader.session";
const SIGN_IN_KEY = "papertrader.sign-in";
const THEME_KEY = "papertrader.theme";

function get(storage: () => Storage, key: string): string | null {
  try {
    return storage().getItem(key);
  } catch {
    return null;
  }
}
/** Whether it is kept now; a browser may refuse. */
function set(storage: () => Storage, key: string, value: string | null): boolean {
  try {
    if (value === null) storage().removeItem(key);
    else storage().setItem(key, value);
    return true;
  } catch {
    return false;
  }
}
function record(text: string | null): Record<string, unknown> | null {
  try {
    const value: unknown = text === null ? null : JSON.parse(text);
    return typeof value === "object" ? (value as Record<string, unknown> | null) : null;
  } catch {
    return null;
  }
}
const lasting = () => localStorage;
const passing = () => sessionStorage;

export function keptSession(): KeptSession | null {
  const found = record(get(lasting, SESSION_KEY));
  const username = found?.["username"];
  const sessionID = found?.["sessionID"];
  const isSession = typeof sessionID === "string" && /^[0-9a-f]{64}$/.test(sessionID);
  return typeof username === "string" && isSession ? { username, sessionID } : null;
}
export function keepSession(session: KeptSession | null): boolean {
  return set(lasting, SESSION_KEY, session && JSON.stringify(session));
}
/** Takes what was left before the way to a provider; a second time there is nothing. */
export function takePendingSignIn(): PendingSignIn | null {
  const found = record(get(passing, SIGN_IN_KEY));
  set(passing, SIGN_IN_KEY, null);
  const handle = found?.["handle"];
  if (typeof handle !== "string" || !/^[0-9a-f]{64}$/.test(handle)) return null;
  const text = (name: string) => (typeof found?.[name] === "string" ? (found[name] as string) : "");
  const purpose = found?.["purpose"] === "link" ? "link" : "sign-in";
  return { handle, provider: text("provider"), purpose, keep: found?.["keep"] === true, username: text("username") };
}
export function leavePendingSignIn(pending: PendingSignIn): boolean {
  return set(passing, SIGN_IN_KEY, JSON.stringify(pending));
}
export function chosenTheme(): Theme {
  const theme = get(lasting, THEME_KEY);
  return theme === "light" || theme === "dark" ? theme : "system";
}
export function keepTheme(theme: Theme): void {
  set(lasting, THEME_KEY, theme === "system" ? null : theme);
}
