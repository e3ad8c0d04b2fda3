// spec/page/views.md · The order ticket, Charts, Orders, Histories
// What a person does with the views, on a worker that the test plays.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { axe, go, picture, signIn } from "./browser.mjs";
import { manyPositions, manyQuotes, manyRows, PlayedWorker } from "./played_worker.mjs";

const DAY = 86_400_000;
const MIDNIGHT = Math.floor(Date.now() / DAY) * DAY;
const PLACED = "01a21483-220a-7000-8000-00000000ffff";

/** A person who is signed in at a worker with some assets, positions, fills and a month of bars. */
async function atWorker(browser, { openOrders = [], ...options }, use) {
    const worker = new PlayedWorker();
    worker.openOrders = openOrders;
    worker.quotes = manyQuotes(40);
    worker.positions = manyPositions(worker.quotes.slice(0, 5));
    worker.rows = manyRows(6);
    worker.bars = Array.from({ length: 21 }, (_, at) => {
        const open = 10_000_000 + at * 50_000;
        return {
            time: MIDNIGHT - (20 - at) * DAY,
            open,
            high: open + 90_000,
            low: open - 70_000,
            close: open + (at % 3 === 0 ? -40_000 : 60_000),
            volume: 1_000 + at,
        };
    });
    const base = await worker.start();
    const context = await browser.person(options);
    try {
        const page = await context.newPage();
        await page.goto(base);
        await signIn(page, "alice");
        await use(page, worker);
    } finally {
        await context.close();
        await worker.stop();
    }
}

/** Nothing that axe finds in what is on the screen now. */
async function fits(page, what) {
    assert.deepEqual(await axe(page), [], what);
}

function openOrder(at, order = {}) {
    return {
        id: `01a21483-220a-7000-8000-00000000000${at}`,
        side: 1,
        status: 3,
        symbol: "A00001",
        accepted: Date.now() - at * 1_000,
        quantity: at * 1_000_000,
        order: {
            kind: "limit",
            limit: 1_000_000,
            stop: 0,
            stopPercent: 0,
            timeInForce: "gtc",
            cash: 0,
            ...order,
        },
        until: Date.now() + 180 * DAY,
        triggered: 0,
        reserve: at * 1_000_000,
        clientOrderID: "",
    };
}

const focusName = (page) =>
    page.evaluate(
        () =>
            document.activeElement?.getAttribute("aria-label") ??
            document.activeElement?.textContent,
    );

async function ticketCase(page, worker) {
    worker.answers.placeOrder = (connection) => {
        connection.reply("orderPlaced", PLACED, "-", "queued");
        return true;
    };
    await go(page, "#/assets/A00010", "A00010");
    const amount = page.locator("#ticket-amount");
    const problem = page.locator("#ticket-amount-problem");
    await amount.fill("1e5");
    await amount.press("Enter");
    await problem.getByText("Enter a number above 0").waitFor();
    assert.equal(await page.evaluate(() => document.activeElement?.id), "ticket-amount");
    await fits(page, "a problem");
    await amount.fill("1,000,000");
    await problem.getByText("and you have 100,000.00 for it").waitFor();
    await page.getByRole("radio", { name: "Sell" }).check();
    await problem.getByText("You hold no A00010 to sell.").waitFor();
    assert.equal(
        worker.asked.filter((it) => it.name === "placeOrder").length,
        0,
        "nothing of this was sent",
    );

    // 6,000 × 10.12345 = 60,740.70, which is more than half of some 100,050.
    await page.getByRole("radio", { name: "Buy" }).check();
    await amount.fill("6000");
    await page.getByRole("button", { name: "Buy 6,000 A00010" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("about 60,740.70").waitFor();
    await fits(page, "the question");
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    assert.equal(
        worker.asked.filter((it) => it.name === "placeOrder").length,
        0,
        "the person said no",
    );

    // The question follows the price, and what does not fit any more is not sent.
    const priced = (value) =>
        worker.notify("quoteNotice", new Date().toISOString(), `A00010=${value}`);
    await page.getByRole("button", { name: "Buy 6,000 A00010" }).click();
    priced("11");
    await dialog.getByText("about 66,000.00").waitFor();
    priced("20");
    await dialog.getByText("This takes 120,000.00, and you have 100,000.00 for it.").waitFor();
    await dialog.getByRole("button", { name: "Send the order" }).click();
    await dialog.waitFor({ state: "detached" });
    await problem.getByText("This takes 120,000.00").waitFor();
    assert.equal(
        worker.asked.filter((it) => it.name === "placeOrder").length,
        0,
        "it does not fit any more",
    );
    priced("10.12345");

    await amount.fill("2.5");
    await amount.press("Enter");
    await page.getByRole("heading", { name: "Order placed" }).waitFor();
    await page.getByText(/next update is in|update is due/).waitFor();
    await fits(page, "an order that waits");
    const sent = worker.asked.find((it) => it.name === "placeOrder").texts;
    assert.deepEqual(sent.slice(1, 8), ["buy", "A00010", "2.5", "market", "-", "-", "gtc"]);
    worker.notify(
        "orderNotice",
        PLACED,
        "settled",
        "A00010",
        "2.5",
        "10.2",
        "25.5",
        new Date().toISOString(),
    );
    await page.getByText("Bought A00010, 2.5 at 10.20, 25.50 in all.").waitFor();
    await fits(page, "a fill");
    await page.getByRole("button", { name: "Why this price" }).click();
    await dialog.getByText("10.50").waitFor();
    await fits(page, "a receipt");
    await dialog.getByText("Technical details").click();
    await dialog.getByText("10.5", { exact: true }).waitFor();
    await fits(page, "a receipt with its details");
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });

    await page.getByRole("button", { name: "New order" }).click();
    await page.locator("#ticket-kind").selectOption("trailing");
    await page.locator("#ticket-distance").fill("2.5%");
    await amount.fill("1");
    await amount.press("Enter");
    await page.getByRole("heading", { name: "Order placed" }).waitFor();
    assert.deepEqual(worker.asked.findLast((it) => it.name === "placeOrder").texts.slice(3, 8), [
        "1",
        "trailing",
        "-",
        "2.5%",
        "gtc",
    ]);
    await page.keyboard.press("Escape");
    await page.getByText("Your order stands.").first().waitFor();
    await amount.waitFor();

    // The price is past this stop already: what the ticket says before and after it is sent agrees.
    await page.locator("#ticket-kind").selectOption("stop");
    await page.locator("#ticket-stop").fill("5");
    await amount.fill("1");
    await page.getByText("is past your stop already").waitFor();
    await amount.press("Enter");
    await page.getByRole("heading", { name: "Order placed" }).waitFor();
    await page.getByText(/next update is in|update is due/).waitFor();
}

export const cases = {
    async "a ticket tells what would be refused, asks before a large order, and follows one to its end"(
        browser,
    ) {
        for (const width of [1280, 360])
            await atWorker(browser, { width, theme: width === 360 ? "dark" : "light" }, ticketCase);
    },

    async "a chart shows bars, forecast and own fills, in a table too, and the keyboard reads it"(
        browser,
    ) {
        await atWorker(browser, {}, async (page, worker) => {
            worker.answers.getAssetValuePredicted = (connection, [, date]) => {
                connection.payload("Forecast", {
                    method: "random walk",
                    time: Date.parse(date),
                    value: 11_000_000,
                    low: 9_000_000,
                    high: 13_000_000,
                });
                return true;
            };
            worker.rows[0] = { ...worker.rows[0], symbol: "A00001", side: 1, priced: MIDNIGHT };
            await go(page, "#/assets/A00001", "A00001");
            await page.locator(".chart canvas").first().waitFor();
            for (const text of ["you bought", "your average cost", "forecast"])
                await page.locator(".key").getByText(text).waitFor();
            const reading = page.locator(".chart-reading");
            await page.locator(".chart-plot").focus();
            await page.keyboard.press("Home");
            await reading.getByText("Open 10.00").waitFor();
            await page.keyboard.press("ArrowRight");
            await reading.getByText("Open 10.05").waitFor();
            await page.keyboard.press("End");
            await reading.getByText("Forecast 11.00 (9.00 to 13.00)").waitFor();
            await page.getByText("Show as a table").click();
            await page.getByRole("cell", { name: "13.00" }).first().waitFor();
            assert.equal(await page.getByRole("table").nth(1).locator("tbody tr").count(), 21);
            await fits(page, "a chart and its table");
            await picture(page, "chart");
            for (const window of ["Day", "Week", "Year", "All"]) {
                await page.getByRole("radio", { name: window, exact: true }).check();
                await page.locator(`.chart-plot[aria-label*=", ${window}, "]`).waitFor();
            }
            const asked = worker.asked.map((it) => it.name);
            for (const window of ["Day", "Week", "Month", "Year", "AllTime"])
                assert.ok(asked.includes(`getAssetValue${window}`), window);
            await page.getByRole("radio", { name: "As traded" }).check();
            await page.waitForFunction(() => document.querySelector(".chart-plot") !== null);
            // Answers that come after a view was left must not paint any more; errors of the page fail the test.
            const answer = worker.answers.getAssetValuePredicted;
            const held = [];
            const frame = () =>
                page.evaluate(
                    () =>
                        new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve))),
                );
            for (let turn = 0; turn < 3; turn += 1) {
                worker.answers.getAssetValuePredicted = (...request) => held.push(request) > 0;
                await go(page, `#/assets/A0000${turn + 2}`, `A0000${turn + 2}`);
                for (let count = 0; held.length === 0 && count < 600; count += 1) await frame();
                assert.ok(held.length > 0, "a forecast is asked for");
                await page.evaluate(() => (location.hash = "#/orders"));
                await page.getByRole("heading", { name: "Orders", level: 1 }).waitFor();
                worker.answers.getAssetValuePredicted = answer;
                while (held.length > 0) answer(...held.shift());
                for (let count = 0; count < 5; count += 1) await frame();
            }
            await go(page, "#/history", "History");
        });
    },

    async "keys move in a list, and a cancel leads to the next order"(browser) {
        const openOrders = [1, 2, 3].map((at) => openOrder(at));
        await atWorker(browser, { openOrders }, async (page, worker) => {
            worker.answers.cancelOrder = (connection, [, id]) => {
                worker.openOrders = worker.openOrders.filter((order) => order.id !== id);
                connection.reply("orderCancelled", id);
                return true;
            };
            await go(page, "#/orders", "Orders");
            await page.getByRole("button", { name: "Cancel: Buy 3 A00001" }).focus();
            await page.keyboard.press("ArrowUp");
            assert.equal(await focusName(page), "Cancel: Buy 2 A00001");
            await page.keyboard.press("Enter");
            await page
                .getByRole("button", { name: "Cancel: Buy 2 A00001" })
                .waitFor({ state: "detached" });
            assert.equal(await focusName(page), "Cancel: Buy 3 A00001");

            // A second click in the place of the first is not for the order that moved there.
            await page.evaluate(() => {
                const click = new MouseEvent("click", { bubbles: true, detail: 2 });
                const rows = document.querySelector("tbody");
                const first = rows.querySelector("button.danger");
                new MutationObserver(() => {
                    if (!first.isConnected) rows.querySelector("button.danger")?.dispatchEvent(click);
                }).observe(rows, { childList: true });
                // As by a key, which is taken although rows have moved just now.
                first.dispatchEvent(new MouseEvent("click", { bubbles: true, detail: 0 }));
            });
            await page.getByRole("button", { name: "Cancel: Buy 1 A00001" }).waitFor({ state: "detached" });
            const cancels = () => worker.asked.filter((it) => it.name === "cancelOrder").length;
            assert.equal(cancels(), 2);

            worker.answers.replaceOrder = (connection) => {
                connection.reply("orderPlaced", PLACED, "-", "open");
                return true;
            };
            await page.getByRole("button", { name: "Change: Buy 3 A00001" }).focus();
            await page.keyboard.press("Enter");
            await page.locator("#change-limit").fill("-3");
            await page.locator("#change-limit-problem").getByText("Enter a price").waitFor();
            await fits(page, "a change that is wrong");
            await page.locator("#change-limit").fill("1.25");
            await fits(page, "a change");
            await page.getByRole("button", { name: "Change the order" }).click();
            await page.getByRole("dialog").waitFor({ state: "detached" });
            assert.deepEqual(
                worker.asked.find((it) => it.name === "replaceOrder").texts.slice(2, 5),
                ["-", "1.25", "-"],
            );

            // A dialog does not stay over another view. By a key: a click so soon after rows moved is not
            // taken.
            await page.getByRole("button", { name: "Change: Buy 3 A00001" }).focus();
            await page.keyboard.press("Enter");
            await page.getByRole("dialog").waitFor();
            await page.evaluate(() => void (location.hash = "#/history"));
            await page.getByRole("dialog").waitFor({ state: "detached" });
            await go(page, "#/orders", "Orders");

            // After the last order the focus is at the heading.
            await page.getByRole("button", { name: "Cancel: Buy 3 A00001" }).focus();
            await page.keyboard.press("Enter");
            await page.getByText("You have no open orders.").waitFor();
            assert.equal(await page.evaluate(() => document.activeElement.tagName), "H1");

            await go(page, "#/assets", "Assets");
            await page.keyboard.press("/");
            await page.keyboard.press("ArrowDown");
            await page.keyboard.press("End");
            assert.equal(await focusName(page), "A00039");
            await page.keyboard.press("ArrowUp");
            await page.keyboard.press("Enter");
            await page.getByRole("heading", { name: "A00038", level: 1 }).waitFor();
        });
    },

    async "a history is filtered, reads on, and its file has no formula"(browser) {
        await atWorker(browser, {}, async (page, worker) => {
            worker.rows = manyRows(1_700);
            worker.rows[0] = {
                ...worker.rows[0],
                side: 4,
                symbol: "A00007",
                cause: "=1+1",
                note: "@SUM(A1)",
            };
            await go(page, "#/history", "History");
            await page.getByText("1,000 rows so far").waitFor();
            await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
            await page.getByText("1,700 rows", { exact: true }).waitFor();
            await page.locator("#history-side").selectOption("dividend");
            await page.getByText("1 of 1,700 rows").waitFor();
            await fits(page, "a filter");
            const downloading = page.waitForEvent("download");
            await page.getByRole("button", { name: "Save as CSV" }).click();
            const download = await downloading;
            assert.match(download.suggestedFilename(), /^papertrader-alice-\d{4}-\d\d-\d\d\.csv$/);
            const lines = readFileSync(await download.path(), "utf8")
                .trimEnd()
                .split("\r\n");
            assert.equal(lines.length, 2);
            assert.ok(lines[1].includes(",dividend,A00007,1.5,10,15,"), lines[1]);
            assert.ok(lines[1].includes(",'=1+1,'@SUM(A1),"), lines[1]);
        });
    },
};
