// spec/page.md · The account
import { RefusalError, type App, type Cleanup } from "./api.ts";
import type { Page } from "./app.ts";
import { explain } from "./app.ts";
import { h, replaceChildren, type Child } from "./dom.ts";
import { isOfType } from "./codec.ts";
import { atField, faults, field, form, passwordField, type Field } from "./form.ts";
import { checkNewPassword } from "./password.ts";
import type { Shell } from "./shell.ts";
import { accountTexts as texts, viewTexts } from "./texts.ts";
import type { UserInfo } from "./wire.ts";

interface Context {
  readonly app: App;
  readonly page: Page;
  readonly shell: Shell;
}

/** The account's view: profile, password, sessions, tokens, identities, data. */
export function accountView(root: HTMLElement, context: Context): Cleanup {
  const { app, page } = context;
  app.title(texts.account);
  const panels = h("div", { class: "flow" }, loadingPanel());
  const signOut = h("button", { class: "button push", type: "button", onclick: () => void page.signOut() }, texts.signOut);
  replaceChildren(root, h("div", { class: "cluster" }, h("h1", null, texts.account), signOut), panels);
  let isOver = false;
  const show = async () => {
    try {
      const info = await page.accounts.userInfo(app.session.username);
      if (isOver) return;
      const again = () => void show();
      replaceChildren(
        panels,
        profile(context, info, again),
        sessions(context),
        password(context, info, again),
        tokens(context, info),
        identities(context, info),
        data(context, info),
      );
    } catch (error) {
      if (!isOver) replaceChildren(panels, failure(error, () => void show()));
    }
  };
  void show();
  return () => {
    isOver = true;
  };
}

function panel(title: string, ...children: readonly Child[]): HTMLElement {
  return h("section", { class: "panel" }, h("h2", null, title), ...children);
}
function loadingPanel(): HTMLElement {
  return h("p", { class: "loading" }, viewTexts.all.loading);
}
function failure(error: unknown, again: () => void): HTMLElement {
  const retry = h("button", { class: "button compact", type: "button", onclick: again }, viewTexts.all.again);
  return h("div", { class: "message failure cluster" }, h("span", null, explain(error)), retry);
}
function time(milliseconds: number): string {
  return milliseconds === 0 ? texts.never : new Date(milliseconds).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });
}
/** A box that is filled by a question to the server, and again when its content changed. */
function asked<Value>(read: () => Promise<Value>, show: (value: Value, again: () => void) => readonly Child[]): HTMLElement {
  const box = h("div", { class: "stack" }, loadingPanel());
  const run = () => {
    read().then(
      (value) => replaceChildren(box, ...show(value, run)),
      (error: unknown) => replaceChildren(box, failure(error, run)),
    );
  };
  run();
  return box;
}

/** Does what wants a fresh login; where the last is too old the person is asked, and it is done then. Null: given up. */
async function fresh<Value>(context: Context, hasPassword: boolean, act: () => Promise<Value>): Promise<Value | null> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof RefusalError) || error.reason !== "login-again") throw error;
  }
  if (!hasPassword) {
    context.app.toast(texts.againProvider, "error");
    return null;
  }
  return (await confirmLogin(context)) ? await act() : null;
}
function confirmLogin({ page, app, shell }: Context): Promise<boolean> {
  return shell.dialog<boolean>((close) => {
    const entry = passwordField(texts.password, "current-password");
    entry.input.autofocus = true;
    const submit = async () => {
      await page.renew(await page.accounts.signIn(app.session.username, entry.input.value));
      close(true);
    };
    const cancel = h("button", { class: "button", type: "button", onclick: () => close(false) }, texts.backOut);
    return [
      h("h2", null, texts.again),
      h("p", null, texts.againText),
      form(texts.confirm, [entry.element], submit, { busy: texts.hashing, explain: wrongPassword(entry) }),
      cancel,
    ];
  }, false);
}

/** Shows that the password is wrong at its field: nobody entered a username. */
function wrongPassword(own: Field | null, fields: Readonly<Record<string, Field>> = {}): (error: unknown) => string | null {
  return atField(own ? { ...fields, "bad-credentials": own } : fields, { "bad-credentials": texts.wrongPassword });
}

function profile(context: Context, info: UserInfo, again: () => void): HTMLElement {
  const { app, page } = context;
  const row = (name: string, value: string) => [h("dt", null, name), h("dd", null, value)];
  const email = field(texts.email, { name: "email", type: "email", autocomplete: "email", value: info.email ?? "" });
  const own = info.isPassword ? passwordField(texts.currentPassword, "current-password") : null;
  const submit = async () => {
    const address = email.input.value.trim();
    const change = () => page.accounts.changeEmail(info.username, own ? own.input.value : null, address).then(() => true);
    if (!(await fresh(context, info.isPassword, change))) return;
    app.toast(texts.emailChanged, "success");
    again();
  };
  return panel(
    texts.profile,
    h(
      "dl",
      { class: "lines" },
      row(texts.username, info.username),
      row(texts.email, info.email || texts.none),
      row(texts.created, time(info.created)),
      row(texts.thisSession, page.keeps ? texts.kept : texts.notKept),
    ),
    h("details", null, h("summary", null, texts.changeEmail), form(texts.changeEmail, [email.element, own?.element], submit, { busy: texts.working, explain: wrongPassword(own, { "email-invalid": email, "email-taken": email }) })),
  );
}

function password(context: Context, info: UserInfo, again: () => void): HTMLElement {
  const { app, page } = context;
  const old = info.isPassword ? passwordField(texts.currentPassword, "current-password") : null;
  const entry = passwordField(texts.newPassword, "new-password", texts.passwordHint);
  const name = h("input", { type: "text", name: "username", autocomplete: "username", value: info.username, hidden: true });
  const title = info.isPassword ? texts.changePassword : texts.addPassword;
  const submit = async () => {
    const fault = checkNewPassword(entry.input.value, info.username, info.email ?? "");
    if (fault) return entry.fault(texts.passwordFaults[fault]);
    const change = () => page.accounts.changePassword(info.username, old ? old.input.value : null, entry.input.value).then(() => true);
    if (!(await fresh(context, info.isPassword, change))) return;
    app.toast(texts.passwordChanged, "success");
    again();
  };
  return panel(title, form(title, [name, old?.element, entry.element], submit, { busy: texts.hashing, explain: wrongPassword(old) }));
}

function sessions({ app, page }: Context): HTMLElement {
  const end = async (which: string, again: () => void) => {
    try {
      app.toast(texts.sessionsEnded(await page.accounts.endSessions(which)), "success");
      again();
    } catch (error) {
      app.toast(explain(error), "error");
    }
  };
  const box = asked(
    () => page.accounts.sessions(),
    (list, again) => [
      items(
        texts.sessions,
        list.map((one) => ({
          title: [`${texts.method} ${one.method}`, one.current ? h("span", { class: "badge gain" }, texts.current) : null],
          lines: [
            [texts.from, one.usedClient || one.madeClient],
            [texts.made, time(one.made)],
            [texts.used, time(one.used)],
            [texts.expires, time(one.expiry)],
          ],
          action: one.current ? null : act(texts.end, texts.endSession(one.id), () => void end(one.id, again)),
        })),
      ),
      list.length > 1
        ? h("div", null, h("button", { class: "button", type: "button", onclick: () => void end("others", again) }, texts.endOthers))
        : null,
    ],
  );
  return panel(texts.sessions, h("p", { class: "muted" }, texts.sessionsText), box);
}

interface Item {
  readonly title: readonly Child[];
  readonly lines: readonly (readonly [string, string])[];
  readonly action: HTMLElement | null;
}
/** A list of things, each with what is known of it and what can be done with it. It fits any width. */
function items(name: string, list: readonly Item[]): HTMLElement {
  const one = ({ title, lines, action }: Item) =>
    h(
      "li",
      { class: "item" },
      h("div", { class: "cluster between" }, h("strong", { class: "cluster" }, ...title), action),
      h("p", { class: "item-lines muted small" }, lines.map(([word, value]) => h("span", { class: "nowrap" }, `${word} ${value}`))),
    );
  return h("ul", { class: "items", "aria-label": name }, list.map(one));
}
function act(text: string, label: string, run: () => void): HTMLButtonElement {
  return h("button", { class: "button compact", type: "button", "aria-label": label, onclick: run }, text);
}

function tokens(context: Context, info: UserInfo): HTMLElement {
  const { app, page } = context;
  const revoke = async (name: string, again: () => void) => {
    const isSure = await app.ask({ title: texts.revokeToken(name), body: [texts.revokeText(name)], confirm: texts.revoke, isDangerous: true });
    if (!isSure) return;
    try {
      await page.accounts.revokeToken(name);
      app.toast(texts.revoked, "success");
    } catch (error) {
      app.toast(explain(error), "error");
    }
    again();
  };
  const box = asked(
    () => page.accounts.tokens(),
    (list, again) => [
      list.length === 0
        ? h("p", null, texts.noTokens)
        : items(
            texts.tokens,
            list.map((one) => ({
              title: [one.name],
              lines: [
                [texts.mayBe, texts.scopes[one.scope] ?? texts.otherScope(one.scope)],
                [texts.expires, time(one.expiry)],
                [texts.used, time(one.used)],
              ],
              action: act(texts.revoke, texts.revokeToken(one.name), () => void revoke(one.name, again)),
            })),
          ),
      h("details", null, h("summary", null, texts.createToken), tokenForm(context, info, again)),
    ],
  );
  return panel(texts.tokens, h("p", { class: "muted" }, texts.tokensText), box);
}
function tokenForm(context: Context, info: UserInfo, again: () => void): HTMLElement {
  const { page } = context;
  const name = field(texts.name, { name: "token", required: true, maxlength: 32, autocomplete: "off" }, texts.tokenNameHint);
  const days = field(texts.days, { name: "days", type: "number", min: 1, max: 366, value: 30, required: true });
  const scope = h("select", { class: "input", id: "token-scope" }, ["read", "trade"].map((word) => h("option", { value: word }, texts.scopes[word])));
  const submit = async () => {
    const isWrong = faults(
      [name, isOfType("TokenName", name.input.value.trim()) ? "" : texts.tokenNameWrong],
      [days, isOfType("Days", days.input.value.trim()) ? "" : texts.daysWrong],
    );
    if (isWrong) return;
    const make = () => page.accounts.createToken(name.input.value.trim(), scope.value === "trade" ? "trade" : "read", Number(days.input.value));
    const token = await fresh(context, info.isPassword, make);
    if (token === null) return;
    await showToken(context, token);
    again();
  };
  const choice = h("div", { class: "field" }, h("label", { for: "token-scope" }, texts.scope), scope);
  return form(texts.createToken, [name.element, choice, days.element], submit);
}
/** Shows a token, this once. */
function showToken({ app, shell }: Context, token: string): Promise<void> {
  return shell.dialog<void>((close) => {
    const copy = async () => {
      try {
        await navigator.clipboard.writeText(token);
        app.toast(texts.copied);
      } catch {
        app.toast(texts.notCopied);
      }
    };
    return [
      h("h2", null, texts.tokenMade),
      h("p", null, texts.tokenOnce),
      h("p", { class: "code" }, token),
      h(
        "div",
        { class: "dialog-actions" },
        h("button", { class: "button", type: "button", onclick: () => void copy() }, texts.copy),
        h("button", { class: "button primary", type: "button", onclick: () => close() }, texts.done),
      ),
    ];
  }, undefined);
}

function identities(context: Context, info: UserInfo): HTMLElement {
  const { app, page } = context;
  const unlink = async (provider: string, again: () => void) => {
    const isSure = await app.ask({ title: texts.unlink, body: [texts.unlinkText(provider)], confirm: texts.unlink, isDangerous: true });
    if (!isSure) return;
    try {
      const done = await fresh(context, info.isPassword, () => page.accounts.unlink(provider).then(() => true));
      if (done) app.toast(texts.unlinked, "success");
    } catch (error) {
      app.toast(explain(error), "error");
    }
    again();
  };
  const providers = (page.client.market.value?.login ?? []).filter((way) => way !== "password");
  const link = (provider: string) =>
    form(texts.linkWith(provider), [], () => page.leaveFor(provider, { purpose: "link", keep: page.keeps, username: info.username }), {
      kind: "",
      busy: texts.leaving,
    });
  const box = asked(
    () => page.accounts.identities(),
    (list, again) => {
      const linked = new Set(list.flatMap((one) => one.providers.split(",")));
      const open = providers.filter((provider) => !linked.has(provider));
      return [
        list.length === 0
          ? h("p", null, texts.noIdentities)
          : items(
              texts.identities,
              list.map((one) => {
                const provider = one.providers.split(",")[0] ?? "";
                const remove = act(texts.unlink, `${texts.unlink} ${provider}`, () => void unlink(provider, again));
                const title = [one.providers || one.issuer];
                return { title, lines: [[texts.made, time(one.linked)]], action: provider === "" ? null : remove };
              }),
            ),
        open.length > 0 && info.isPassword ? h("p", { class: "hint" }, texts.linkText(open.join(", "))) : null,
        ...(info.isPassword ? open.map(link) : []),
      ];
    },
  );
  return panel(texts.identities, h("p", { class: "muted" }, texts.identitiesText), box);
}

function data(context: Context, info: UserInfo): HTMLElement {
  const { app, page } = context;
  const download = async () => {
    save(`papertrader-${info.username}.jsonl`, "application/jsonl", await page.accounts.export());
  };
  const own = info.isPassword ? passwordField(texts.currentPassword, "current-password") : null;
  const remove = async () => {
    const isSure = await app.ask({ title: texts.delete, body: [texts.deleteText], confirm: texts.deleteConfirm, isDangerous: true });
    if (!isSure) return;
    const done = await fresh(context, info.isPassword, () => page.accounts.deleteAccount(info.username, own ? own.input.value : null).then(() => true));
    if (done) page.end(texts.deleted);
  };
  return panel(
    texts.data,
    h("p", { class: "muted" }, texts.dataText),
    form(texts.export, [], download, { kind: "", busy: texts.exporting }),
    h("details", null, h("summary", null, texts.delete), h("p", { class: "small" }, texts.deleteText), form(texts.delete, [own?.element], remove, { kind: "danger", explain: wrongPassword(own) })),
  );
}

/** Gives a text to the browser as a file to save. */
function save(name: string, type: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = h("a", { href: url, download: name });
  link.click();
  // The browser has taken the file by then.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
