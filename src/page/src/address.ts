// spec/page.md · The way back from a provider
// This file is imported first: what a provider's answer leaves in the address is taken out before anything else runs.

/** What a provider's redirect has brought; null: the page was not reached so. */
export interface BroughtBack {
  readonly code: string | null;
  readonly state: string | null;
  /** Why the provider refused, such as `access_denied`. */
  readonly error: string | null;
}

/** Takes `code` and `state` out of an address. */
export function takeBroughtBack(url: URL): { readonly brought: BroughtBack | null; readonly rest: string } {
  const { searchParams: query } = url;
  const code = query.get("code");
  const error = query.get("error");
  const state = query.get("state");
  const brought = code !== null || error !== null ? { code, state, error } : null;
  // Nothing else belongs into the query of this page: all of it goes, also what a provider adds.
  return { brought, rest: url.pathname + url.hash };
}

export const broughtBack = read();

function read(): BroughtBack | null {
  if (typeof location === "undefined" || location.search === "") return null;
  const { brought, rest } = takeBroughtBack(new URL(location.href));
  history.replaceState(null, "", rest);
  return brought;
}
