// spec/page.md · Texts
// All English texts of the page. One section a part; a function where a value stands in the text.

/** Texts of the shell: header, connection, toasts, dialogs. */
export const shellTexts = {
  name: "PaperTrader",
} as const;

/** Texts of sign-in and account. */
export const accountTexts = {} as const;

/** Texts of the views: assets, an asset, order ticket, orders, portfolio, history. */
export const viewTexts = {} as const;
