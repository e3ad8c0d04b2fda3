// spec/page.md · Signing in
// What is shown while nobody is signed in: sign-in, registration, a new password, a provider's first sign-in.
import { RefusalError, type Cleanup, type Route } from "./api.ts";
import type { ThirdPartyOutcome } from "./accounts.ts";
import { explain, type Page } from "./app.ts";
import { h, replaceChildren, type Child } from "./dom.ts";
import { isOfType } from "./codec.ts";
import { atField, check, faults, field, form, passwordField } from "./form.ts";
import { canHash, checkNewPassword } from "./password.ts";
import type { Shell } from "./shell.ts";
import { accountTexts as texts } from "./texts.ts";

/** What these views get. */
export interface Gate {
  readonly page: Page;
  readonly shell: Shell;
  readonly route: Route;
  navigate(hash: string): void;
  /** A provider knows the person, and no account has this identity yet. */
  readonly unknown: { readonly handle: string; readonly suggestion: string; readonly keep: boolean; readonly linkTo: string | null } | null;
  /** Forgets it: it was used, or given up. */
  forgetUnknown(): void;
}

/** Fills `root` with what the route asks for, and returns what ends it. */
export function gateView(root: HTMLElement, gate: Gate): Cleanup {
  if (!canHash()) return insecure(root, gate);
  if (gate.unknown) return welcome(root, gate, gate.unknown);
  switch (gate.route.parts[0]) {
    case "register":
      return register(root, gate);
    case "forgotten":
      return forgotten(root, gate);
    case "reset":
      return reset(root, gate, "");
    default:
      return signIn(root, gate);
  }
}

function card(root: HTMLElement, gate: Gate, title: string, ...children: readonly Child[]): void {
  gate.shell.title(title);
  const notice = gate.page.notice;
  const told = notice === "" ? null : h("p", { class: "message", role: "status" }, notice);
  const element = h("div", { class: "narrow stack" }, told, h("section", { class: "panel" }, h("h1", null, title), ...children));
  // What was told before is over once somebody goes on.
  element.addEventListener("submit", () => {
    told?.remove();
    gate.page.notice = "";
  });
  replaceChildren(root, element);
}
function insecure(root: HTMLElement, gate: Gate): Cleanup {
  card(root, gate, texts.insecureTitle, ...texts.insecure.map((text) => h("p", null, text)));
  return () => undefined;
}

function signIn(root: HTMLElement, gate: Gate): Cleanup {
  const { page } = gate;
  const name = field(texts.username, { name: "username", autocomplete: "username", required: true, maxlength: 24 });
  const password = passwordField(texts.password, "current-password");
  const keep = check(texts.keep, texts.keepHint);
  const submit = async () => {
    const username = name.input.value.trim();
    const sessionID = await page.accounts.signIn(username, password.input.value);
    await page.enter(sessionID, keep.input.checked, username);
  };
  const providers = h("div", { class: "form" });
  const links = h(
    "div",
    { class: "cluster between small" },
    h("span", null, texts.noAccount, " ", h("a", { href: "#/register" }, texts.register)),
    h("a", { href: "#/forgotten" }, texts.forgotten),
  );
  const fields = [name.element, password.element, keep.element];
  card(root, gate, texts.signIn, form(texts.signIn, fields, submit, { busy: texts.hashing }), providers, links);
  name.input.focus();
  return page.client.market.subscribe(() => showProviders(providers, gate, () => keep.input.checked));
}

/** A button for each provider that the server names. */
function showProviders(box: HTMLElement, gate: Gate, keep: () => boolean): void {
  const names = (gate.page.client.market.value?.login ?? []).filter((way) => way !== "password");
  if (box.dataset["names"] === names.join()) return;
  box.dataset["names"] = names.join();
  if (names.length === 0) return replaceChildren(box);
  const local = /^localhost(:|$)/.exec(location.host);
  if (local) {
    const address = location.origin.replace("//localhost", "//127.0.0.1");
    return replaceChildren(box, h("p", { class: "hint" }, texts.localhost(address)));
  }
  const button = (provider: string) => {
    const submit = () => gate.page.leaveFor(provider, { purpose: "sign-in", keep: keep(), username: "" });
    return form(texts.with(provider), [], submit, { kind: "full", busy: texts.leaving });
  };
  replaceChildren(box, h("p", { class: "muted small" }, texts.or), names.map(button));
}

function register(root: HTMLElement, gate: Gate): Cleanup {
  const { page } = gate;
  const name = field(texts.username, { name: "username", autocomplete: "username", required: true, maxlength: 24 }, texts.usernameHint);
  const email = field(texts.email, { name: "email", type: "email", autocomplete: "email", required: true });
  const password = passwordField(texts.password, "new-password", texts.passwordHint);
  const keep = check(texts.keep, texts.keepHint);
  const submit = async () => {
    const username = name.input.value.trim();
    const address = email.input.value.trim();
    const fault = checkNewPassword(password.input.value, username, address);
    const isWrong = faults(
      [name, isOfType("Username", username) ? "" : texts.reasons["username-invalid"]],
      [email, isOfType("Email", address) ? "" : texts.reasons["email-invalid"]],
      [password, fault ? texts.passwordFaults[fault] : ""],
    );
    if (isWrong) return;
    await page.accounts.register(username, address, password.input.value);
    const sessionID = await page.accounts.signIn(username, password.input.value);
    await page.enter(sessionID, keep.input.checked, username);
    gate.shell.toast(texts.registered(page.session?.username ?? username), "success");
  };
  const byField = atField({ "username-invalid": name, "username-taken": name, "email-invalid": email, "email-taken": email });
  const fields = [name.element, email.element, password.element, keep.element];
  card(
    root,
    gate,
    texts.register,
    form(texts.register, fields, submit, { busy: texts.hashing, explain: byField }),
    h("p", { class: "small" }, texts.haveAccount, " ", h("a", { href: "#/sign-in" }, texts.signIn)),
  );
  name.input.focus();
  return () => undefined;
}
function forgotten(root: HTMLElement, gate: Gate): Cleanup {
  const body = h("div", { class: "stack" });
  const back = h("p", { class: "small" }, h("a", { href: "#/sign-in" }, texts.backToSignIn));
  card(root, gate, texts.forgot, body, back);
  const show = () => {
    const isByMail = gate.page.client.market.value?.reset === "mail";
    const name = field(texts.usernameOrEmail, { name: "username", autocomplete: "username", required: true });
    const submit = async () => {
      await gate.page.accounts.requestReset(name.input.value.trim());
      reset(root, gate, texts.codeSent);
    };
    const code = h("a", { class: "button", href: "#/reset" }, texts.haveCode);
    if (isByMail) replaceChildren(body, h("p", null, texts.forgotMail), form(texts.sendCode, [name.element], submit), code);
    else replaceChildren(body, h("p", null, texts.forgotAdministrator), code);
  };
  let shown: string | null | undefined;
  return gate.page.client.market.subscribe(() => {
    const way = gate.page.client.market.value?.reset;
    if (way === shown) return;
    shown = way;
    show();
  });
}

function reset(root: HTMLElement, gate: Gate, told: string): Cleanup {
  const name = field(texts.username, { name: "username", autocomplete: "username", required: true, maxlength: 24 });
  const code = field(texts.code, { name: "code", autocomplete: "one-time-code", required: true }, texts.codeHint);
  const password = passwordField(texts.newPassword, "new-password", texts.passwordHint);
  const submit = async () => {
    const username = name.input.value.trim();
    const fault = checkNewPassword(password.input.value, username, "");
    if (fault) return password.fault(texts.passwordFaults[fault]);
    await gate.page.accounts.resetPassword(username, code.input.value, password.input.value);
    gate.page.notice = texts.passwordSet;
    gate.navigate("#/sign-in");
  };
  card(
    root,
    gate,
    texts.forgot,
    told === "" ? null : h("p", { class: "message", role: "status" }, told),
    form(texts.setPassword, [name.element, code.element, password.element], submit, {
      busy: texts.hashing,
      explain: atField({ "code-invalid": code }),
    }),
    h("p", { class: "small" }, h("a", { href: "#/sign-in" }, texts.backToSignIn)),
  );
  name.input.focus();
  return () => undefined;
}

/** The first sign-in with a provider: a new account, or one that there is already. */
function welcome(root: HTMLElement, gate: Gate, unknown: NonNullable<Gate["unknown"]>): Cleanup {
  const { page } = gate;
  if (unknown.linkTo !== null) {
    card(root, gate, texts.linkTitle, linkForm(gate, unknown.handle, unknown.keep, unknown.linkTo));
    return () => undefined;
  }
  const name = field(texts.username, { name: "username", autocomplete: "username", required: true, maxlength: 24, value: unknown.suggestion }, texts.usernameHint);
  const email = field(texts.emailOptional, { name: "email", type: "email", autocomplete: "email" });
  const make = async () => {
    const username = name.input.value.trim();
    const sessionID = await page.accounts.registerThirdParty(unknown.handle, username, email.input.value.trim());
    gate.forgetUnknown();
    await page.enter(sessionID, unknown.keep, username);
    gate.shell.toast(texts.registered(page.session?.username ?? username), "success");
  };
  const byField = atField({ "username-invalid": name, "username-taken": name, "email-invalid": email, "email-taken": email });
  card(
    root,
    gate,
    texts.welcome,
    h("p", null, texts.welcomeText),
    form(texts.makeAccount, [name.element, email.element], make, { explain: byField }),
    h("details", null, h("summary", null, texts.existing), linkForm(gate, unknown.handle, unknown.keep, "")),
  );
  name.input.focus();
  return () => undefined;
}

/** Links an identity to an account, after a sign-in with its password. */
export function linkForm(gate: Pick<Gate, "page" | "shell" | "forgetUnknown">, handle: string, keep: boolean, username: string): HTMLElement {
  const { page } = gate;
  const name = field(texts.username, { name: "username", autocomplete: "username", required: true, maxlength: 24, value: username });
  const password = passwordField(texts.password, "current-password");
  const submit = async () => {
    const own = name.input.value.trim();
    const sessionID = await page.accounts.signIn(own, password.input.value);
    await page.client.attach(sessionID);
    await page.accounts.link(handle);
    gate.forgetUnknown();
    await page.enter(sessionID, keep, own);
    gate.shell.toast(texts.linked, "success");
  };
  return h("div", { class: "stack" }, h("p", null, texts.existingText), form(texts.link, [name.element, password.element], submit, { busy: texts.hashing }));
}

/** What a provider's answer comes to. */
export async function comeBack(
  page: Page,
  brought: { readonly code: string | null; readonly state: string | null; readonly error: string | null },
  pending: { readonly handle: string } | null,
): Promise<ThirdPartyOutcome | { readonly kind: "refused"; readonly text: string }> {
  if (!pending) return { kind: "refused", text: texts.staleSignIn };
  if (brought.error !== null || brought.code === null || brought.state === null) {
    return { kind: "refused", text: texts.refusedByProvider(brought.error ?? "?") };
  }
  try {
    return await page.accounts.complete(pending.handle, brought.code, brought.state);
  } catch (error) {
    return { kind: "refused", text: error instanceof RefusalError && error.reason === "bad-credentials" ? texts.staleSignIn : explain(error) };
  }
}
