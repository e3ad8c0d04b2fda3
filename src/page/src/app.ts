// spec/page.md · The page
// What there is once: clock, client, session. It knows no element of the page but through the shell.
import { ConnectionError, RefusalError } from "./api.ts";
import { Accounts } from "./accounts.ts";
import { Client } from "./client.ts";
import { ServerClock } from "./clock.ts";
import type { Network } from "./connection.ts";
import { Listeners } from "./live.ts";
import { canHash } from "./password.ts";
import { WireError } from "./reader.ts";
import { AccountSession, type Timers } from "./session.ts";
import { keepSession, keptSession, leavePendingSignIn, type PendingSignIn } from "./store.ts";
import { accountTexts } from "./texts.ts";

/** Between two looks at the server's clock and at the list of workers. */
const WORKERS_INTERVAL = 600_000;

/** The page's state, and what changes it. */
export class Page {
  readonly clock = new ServerClock();
  readonly client: Client;
  readonly accounts: Accounts;
  /** Somebody has signed in or out. */
  readonly changed = new Listeners<void>();
  /** Why somebody was signed out; empty: nobody was. */
  notice = "";
  private current: AccountSession | null = null;
  private isKept = false;
  /** The session in use, also while it is found out that it has ended. */
  private ownID = "";
  private nextWorkers = 0;

  constructor(
    own: string,
    network: Network,
    private readonly timers: Timers,
  ) {
    this.client = new Client(own, network);
    this.accounts = new Accounts(this.client, (milliseconds) => timers.wait(milliseconds));
    this.client.sessionEnded.add(() => this.sessionEnded());
  }

  get session(): AccountSession | null {
    return this.current;
  }
  get keeps(): boolean {
    return this.isKept;
  }
  start(): void {
    const kept = keptSession();
    if (kept && canHash()) {
      this.isKept = true;
      this.adopt(kept.sessionID, kept.username);
    }
    this.client.start();
    void this.readWorkers();
  }
  tick(): void {
    this.client.tick();
    this.current?.tick();
    if (this.timers.now() >= this.nextWorkers) void this.readWorkers();
  }
  /** The computer woke, the tab is looked at again, or the network is back. */
  wake(): void {
    this.client.wake();
    void this.readWorkers();
  }
  /** The page goes away: a session that nobody asked to keep ends with it. */
  leave(): void {
    if (this.current && !this.isKept) this.client.endSession();
  }
  /** Another tab changed what is kept: it signed out, signed in anew, or signed in somebody else. */
  keptChanged(): void {
    if (!this.isKept || !this.current) return;
    const kept = keptSession();
    if (!kept) this.end(accountTexts.signedOutElsewhere);
    else if (kept.username !== this.current.username) this.isKept = false;
    else if (kept.sessionID !== this.ownID) this.use(kept.sessionID);
  }
  private sessionEnded(): void {
    const kept = this.isKept && this.current ? keptSession() : null;
    // Another tab has signed in anew, and its new session is kept in the place of this one.
    if (kept && kept.username === this.current?.username && kept.sessionID !== this.ownID) this.adopt(kept.sessionID, kept.username);
    else this.end(accountTexts.ended);
  }
  private use(sessionID: string): void {
    this.ownID = sessionID;
    void this.client.attach(sessionID);
  }

  /**
   * Uses a session that was just made. Where nobody has told whose it is, the server is asked; where that takes too
   * long, `askName` asks the person.
   */
  async enter(sessionID: string, keep: boolean, name: string | (() => Promise<string>)): Promise<void> {
    await this.client.attach(sessionID);
    let username: string;
    try {
      if (typeof name === "string") username = (await this.accounts.userInfo(name)).username;
      else username = await this.accounts.ownName().catch(name);
    } catch (error) {
      await this.accounts.signOut(sessionID).catch(() => undefined);
      this.client.detach();
      throw error;
    }
    this.isKept = keep && keepSession({ username, sessionID });
    this.adopt(sessionID, username);
  }
  /** Takes the place of the session in use with one of a new login; the old one ends. */
  async renew(sessionID: string): Promise<void> {
    const old = this.client.sessionID;
    const username = this.current?.username ?? "";
    this.ownID = sessionID;
    await this.client.attach(sessionID);
    if (this.isKept) keepSession({ username, sessionID });
    if (old) await this.accounts.signOut(old).catch(() => undefined);
  }
  async signOut(): Promise<void> {
    const sessionID = this.client.sessionID;
    if (sessionID) await this.accounts.signOut(sessionID).catch(() => undefined);
    this.end(accountTexts.signedOut);
  }
  /** Forgets who is signed in, and says why. */
  end(why: string): void {
    if (!this.current && this.client.sessionID === null && !this.isKept) return;
    if (this.isKept && keptSession()?.sessionID === this.ownID) keepSession(null);
    this.isKept = false;
    this.current?.close();
    this.current = null;
    this.client.detach();
    this.notice = why;
    this.changed.tell();
  }
  /** Goes to a provider. What is needed on the way back waits in the tab's own storage. */
  async leaveFor(provider: string, pending: Omit<PendingSignIn, "handle" | "provider">): Promise<void> {
    const started = await this.accounts.begin(provider, `${location.origin}/`);
    if (!/^https?:\/\//.test(started.url)) throw new WireError("an address of no provider");
    leavePendingSignIn({ ...pending, provider, handle: started.handle });
    location.assign(started.url);
  }

  private adopt(sessionID: string, username: string): void {
    this.current?.close();
    this.ownID = sessionID;
    if (this.client.sessionID !== sessionID) void this.client.attach(sessionID);
    this.current = new AccountSession(username, this.client, this.timers);
    this.notice = "";
    this.changed.tell();
  }
  /** The list of workers, and with it the server's clock. Without them the page goes on with what it knows. */
  private async readWorkers(): Promise<void> {
    this.nextWorkers = this.timers.now() + WORKERS_INTERVAL;
    try {
      const asked = Date.now();
      const answer = await fetch("/workers.json", { cache: "no-store", credentials: "omit" });
      this.clock.sample(Date.parse(answer.headers.get("date") ?? ""), asked, Date.now());
      const list: unknown = await answer.json();
      const workers: unknown = typeof list === "object" && list !== null && "workers" in list ? list.workers : null;
      if (Array.isArray(workers)) this.client.setAddresses(workers.filter((url) => typeof url === "string"));
    } catch {
      // This page's worker may be gone: that is what the list is for.
    }
  }
}

/** What a person is told of an error. */
export function explain(error: unknown): string {
  if (error instanceof RefusalError) {
    const known = accountTexts.reasons[error.reason];
    // The sentence names the providers to sign in with.
    return error.reason === "third-party-login" ? `${known} ${error.message}` : (known ?? `${error.message} (${error.reason})`);
  }
  if (error instanceof ConnectionError) return error.isUncertain ? accountTexts.uncertain : accountTexts.unreachable;
  if (error instanceof WireError) return accountTexts.nonsense;
  return error instanceof Error ? error.message : String(error);
}
