// spec/page/views.md
//
// The views of assets, orders and money.

export { assetView } from "./asset.ts";
export { assetsView } from "./assets.ts";
export { historyView } from "./history.ts";
export { endedText, ordersView } from "./orders.ts";
export { portfolioView } from "./portfolio.ts";
