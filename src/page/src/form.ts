// spec/page.md · Forms
import { RefusalError } from "./api.ts";
import { explain } from "./app.ts";
import { h, type Child } from "./dom.ts";
import { accountTexts } from "./texts.ts";

/** A field of a form with its label, a hint, and a place for what is wrong. */
export interface Field {
  readonly element: HTMLElement;
  readonly input: HTMLInputElement;
  /** Says what is wrong, and takes the focus; an empty text: nothing is. */
  fault(text: string): void;
}

let fields = 0;

/** A field. `attributes` are the input's: type, name, autocomplete and so on. */
export function field(label: string, attributes: Readonly<Record<string, string | number | boolean>>, hint = ""): Field {
  fields += 1;
  const id = `field-${fields}`;
  const error = h("p", { class: "error", id: `${id}-error`, hidden: true });
  const described = hint ? `${id}-hint ${id}-error` : `${id}-error`;
  const input = h("input", { class: "input", id, "aria-describedby": described, autocapitalize: "none", spellcheck: "false", ...attributes });
  const fault = (text: string) => {
    error.textContent = text;
    error.hidden = text === "";
    input.setAttribute("aria-invalid", String(text !== ""));
    if (text !== "") input.focus();
  };
  input.addEventListener("input", () => fault(""));
  const help = hint ? h("p", { class: "hint", id: `${id}-hint` }, hint) : null;
  return { element: h("div", { class: "field" }, h("label", { for: id }, label), input, help, error), input, fault };
}

/** A field for a password, with a button that shows it. */
export function passwordField(label: string, name: "current-password" | "new-password", hint = ""): Field {
  const made = field(label, { type: "password", name, autocomplete: name, required: true }, hint);
  const show = h("input", { type: "checkbox" });
  show.addEventListener("change", () => (made.input.type = show.checked ? "text" : "password"));
  made.element.append(h("div", null, h("label", { class: "check small" }, show, accountTexts.show)));
  return made;
}

/** Shows all faults of a form, an empty text for none; the first gets the focus. Whether there is one. */
export function faults(...list: readonly (readonly [Field, string | undefined])[]): boolean {
  for (const [entry, text] of list.toReversed()) entry.fault(text ?? "");
  return list.some(([, text]) => Boolean(text));
}
/** Shows a refusal at the field that it is about: for `explain` of a form. `texts` has other words than usual. */
export function atField(
  fields: Readonly<Record<string, Field>>,
  texts: Readonly<Record<string, string>> = {},
): (error: unknown) => string | null {
  return (error) => {
    const reason = error instanceof RefusalError ? error.reason : "";
    const text = texts[reason] ?? explain(error);
    const at = fields[reason];
    if (!at) return text;
    at.fault(text);
    return null;
  };
}

/** A box to tick. */
export function check(label: string, hint = ""): { readonly element: HTMLElement; readonly input: HTMLInputElement } {
  const input = h("input", { type: "checkbox" });
  const element = h("div", null, h("label", { class: "check" }, input, label), hint ? h("p", { class: "hint" }, hint) : null);
  return { element, input };
}

/**
 * A form whose button is busy while `submit` runs; what it throws is shown above the button. A second click does
 * nothing while the first is at work.
 */
export function form(
  button: string,
  children: readonly Child[],
  submit: () => Promise<void>,
  options: { readonly kind?: string; readonly busy?: string; readonly explain?: (error: unknown) => string | null } = {},
): HTMLFormElement {
  const failure = h("p", { class: "message failure", role: "alert", hidden: true });
  const act = h("button", { class: `button ${options.kind ?? "primary"}`, type: "submit" }, button);
  const element = h("form", { class: "form", novalidate: true }, ...children, failure, act);
  let isBusy = false;
  element.addEventListener("submit", (event) => {
    event.preventDefault();
    if (isBusy) return;
    const empty = [...element.querySelectorAll<HTMLInputElement>("input[required]")].filter((input) => input.value === "");
    if (empty.length > 0) {
      for (const input of empty.reverse()) {
        const error = element.querySelector(`#${input.id}-error`);
        if (error instanceof HTMLElement) {
          error.textContent = accountTexts.missing;
          error.hidden = false;
        }
        input.setAttribute("aria-invalid", "true");
        input.focus();
      }
      return;
    }
    isBusy = true;
    act.setAttribute("aria-disabled", "true");
    act.textContent = options.busy ?? accountTexts.working;
    failure.hidden = true;
    submit()
      .catch((error: unknown) => {
        const text = options.explain ? options.explain(error) : explain(error);
        if (text === null) return;
        failure.textContent = text;
        failure.hidden = false;
      })
      .finally(() => {
        isBusy = false;
        act.removeAttribute("aria-disabled");
        act.textContent = button;
      });
  });
  return element;
}
