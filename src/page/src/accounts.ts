// spec/page.md · Accounts
// What the page asks about accounts: sign-in, passwords, sessions, tokens, identities, export, deletion.
import { ConnectionError, RefusalError } from "./api.ts";
import type { Client } from "./client.ts";
import { hashPassword, normalForm } from "./password.ts";
import { WireError } from "./reader.ts";
import type { Answers, Identity, Session, Token, UserInfo } from "./wire.ts";

/** What a sign-in with a provider has led to. */
export type ThirdPartyOutcome =
  | { readonly kind: "session"; readonly sessionID: string }
  | { readonly kind: "unknown"; readonly handle: string; readonly suggestion: string };

/** Between two questions whether a provider has answered. */
const POLL_INTERVAL = 1_000;
/** How long a provider's answer is waited for after the way back. */
const POLL_MAX = 60;

export class Accounts {
  constructor(
    private readonly client: Client,
    private readonly wait: (milliseconds: number) => Promise<void>,
  ) {}

  /** Signs in, and answers the session's ID. It outlives the connection: a worker may be killed under it. */
  signIn(username: string, password: string): Promise<string> {
    return bothForms(username, password, async (hash) => {
      const answer = await this.client.call("login", () => [username, hash, "false"], { isRepeatable: true });
      return answer.sessionID;
    });
  }
  /** Registers an account. Where the answer is lost, a sign-in shows whether it was made. */
  async register(username: string, email: string, password: string): Promise<void> {
    const hash = await hashPassword(username, normalForm(password));
    try {
      await this.client.call("register", () => [username, email, hash], { isRepeatable: false });
    } catch (error) {
      if (!(error instanceof ConnectionError) || !error.isUncertain) throw error;
      const sessionID = await this.signIn(username, password).catch(() => null);
      if (!sessionID) throw error;
      await this.client.call("logout", () => [sessionID], { isRepeatable: true }).catch(() => undefined);
    }
  }
  async signOut(sessionID: string): Promise<void> {
    await this.client.call("logout", () => [sessionID], { isRepeatable: true });
  }
  userInfo(username: string): Promise<UserInfo> {
    return this.client.call("getUserInfo", (session) => [session, username]);
  }
  /** Sends a code by mail, if there is such an account; the answer does not tell. */
  async requestReset(usernameOrEmail: string): Promise<void> {
    await this.client.call("requestReset", () => [usernameOrEmail], { isRepeatable: true });
  }
  async resetPassword(username: string, code: string, password: string): Promise<void> {
    const hash = await hashPassword(username, normalForm(password));
    await this.client.call("resetPassword", () => [username, code.trim(), hash], { isRepeatable: false });
  }
  /** `old` is null where the account has no password yet. */
  async changePassword(username: string, old: string | null, password: string): Promise<void> {
    const hash = await hashPassword(username, normalForm(password));
    const change = async (oldHash: string) => {
      await this.client.call("changePassword", (session) => [session, oldHash, hash], { isRepeatable: false });
    };
    await (old === null ? change("-") : bothForms(username, old, change));
  }
  /** `email` is empty for none; `password` is null where the account has none. */
  async changeEmail(username: string, password: string | null, email: string): Promise<void> {
    const change = async (hash: string) => {
      await this.client.call("changeEmail", (session) => [session, hash, email === "" ? "-" : email], { isRepeatable: true });
    };
    await (password === null ? change("-") : bothForms(username, password, change));
  }
  async deleteAccount(username: string, password: string | null): Promise<void> {
    const remove = async (hash: string) => {
      await this.client.call("deleteAccount", (session) => [session, hash], { isRepeatable: false });
    };
    await (password === null ? remove("-") : bothForms(username, password, remove));
  }
  async sessions(): Promise<readonly Session[]> {
    return (await this.client.call("getSessions", (session) => [session])).sessions;
  }
  /** Ends sessions: `others`, or one by the ID that `sessions` shows. Answers how many. */
  async endSessions(which: string): Promise<number> {
    const answer = await this.client.call("endSessions", (session) => [session, which], { isRepeatable: true });
    return Number(answer.value ?? "0");
  }
  async tokens(): Promise<readonly Token[]> {
    return (await this.client.call("getTokens", (session) => [session])).tokens;
  }
  /** Makes a token, and answers it: nobody shows it again. */
  async createToken(name: string, scope: "read" | "trade", days: number): Promise<string> {
    const answer = await this.client.call("createToken", (session) => [session, name, scope, String(days)]);
    if (!answer.value || !/^[0-9a-f]{64}$/.test(answer.value)) throw new WireError("a token is none");
    return answer.value;
  }
  async revokeToken(name: string): Promise<void> {
    await this.client.call("revokeToken", (session) => [session, name], { isRepeatable: true });
  }
  async identities(): Promise<readonly Identity[]> {
    return (await this.client.call("getIdentities", (session) => [session])).identities;
  }
  async unlink(provider: string): Promise<void> {
    await this.client.call("unlinkThirdParty", (session) => [session, provider]);
  }
  async link(handle: string): Promise<void> {
    await this.client.call("linkThirdParty", (session) => [session, handle]);
  }
  /** Everything that the deployment holds on the account, as lines of JSON. */
  async export(): Promise<string> {
    return (await this.exportLines()).map((line) => `${line}\n`).join("");
  }
  private async exportLines(): Promise<readonly string[]> {
    return (await this.client.call("getAccountExport", (session) => [session])).texts;
  }
  /** The name of the account that is signed in; after a sign-in with a provider nobody else tells it. */
  async ownName(): Promise<string> {
    for (const line of await this.exportLines()) {
      const record: unknown = JSON.parse(line);
      if (typeof record !== "object" || record === null || !("kind" in record) || record.kind !== "account") continue;
      if ("username" in record && typeof record.username === "string") return record.username;
    }
    throw new WireError("an export without an account");
  }

  /** Begins a sign-in with a provider; the person goes to the URL, and comes back to `redirect`. */
  begin(provider: string, redirect: string): Promise<Answers["beginThirdParty"]> {
    return this.client.call("beginThirdParty", () => [provider, "redirect", redirect], { isRepeatable: true });
  }
  /** Ends it with what the browser brought back. */
  async complete(handle: string, code: string, state: string): Promise<ThirdPartyOutcome> {
    let answer = await this.client.call("completeThirdParty", () => [handle, code, state], { isRepeatable: true });
    for (let asked = 0; answer.instruction === "thirdPartyPending" && asked < POLL_MAX; asked += 1) {
      await this.wait(POLL_INTERVAL);
      answer = await this.client.call("awaitThirdParty", () => [handle], { isRepeatable: true });
    }
    switch (answer.instruction) {
      case "sessionID":
        return { kind: "session", sessionID: answer.sessionID };
      case "thirdPartyUnknown":
        return { kind: "unknown", handle: answer.handle, suggestion: answer.username ?? "" };
      case "thirdPartyPending":
        throw new RefusalError("provider-unavailable", "the provider does not answer");
    }
  }
  /** The first sign-in with a provider: makes the account. Answers the session's ID. */
  async registerThirdParty(handle: string, username: string, email: string): Promise<string> {
    const address = email === "" ? "-" : email;
    const answer = await this.client.call("registerThirdParty", () => [handle, username, address], { isRepeatable: true });
    return answer.sessionID;
  }
}

/** Hashes a password in its normal form; refused, and typed in another, once more as it was typed. */
async function bothForms<Value>(username: string, password: string, use: (hash: string) => Promise<Value>): Promise<Value> {
  const normal = normalForm(password);
  try {
    return await use(await hashPassword(username, normal));
  } catch (error) {
    if (!(error instanceof RefusalError) || error.reason !== "bad-credentials" || normal === password) throw error;
    return await use(await hashPassword(username, password));
  }
}
