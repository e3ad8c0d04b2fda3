#!/usr/bin/env python3
"""usage: PASSWORD=... moving_average.py SERVERS USERNAME SYMBOL [UPDATES]

A bot: it buys a share when the average of the last 3 prices rises above that of the last 8, and
sells it when it falls below. SERVERS: HOST:PORT of one worker or more, with commas between.
"""

import os
import statistics
import sys

import papertrader


def trade(client, symbol, updates):
    book = {"cash": client.portfolio().cash, "units": 0, "fills": 0}
    prices = []
    for count, price in enumerate(client.quotes(symbol), 1):
        print(price.time, price.symbol, price.value, flush=True)
        prices = [*prices[-7:], price.value]
        rises = statistics.mean(prices[-3:]) > statistics.mean(prices)
        if len(prices) == 8 and rises != (book["units"] == 1):
            fill = client.buy(symbol, 1) if rises else client.sell(symbol, 1)
            book["cash"] += -fill.total if rises else fill.total
            book["units"] = int(rises)
            book["fills"] += 1
        if count == updates:
            return book


def main(servers, username, symbol, updates=None):
    try:
        with papertrader.Client(*servers.split(",")) as client:
            client.login(username, os.environ["PASSWORD"])
            book = trade(client, symbol, None if updates is None else int(updates))
            print("cash {cash} units {units} fills {fills}".format(**book))
    except papertrader.PaperTraderError as error:
        sys.exit(f"moving_average: {error}")


if __name__ == "__main__":
    is_usable = len(sys.argv) in (4, 5) and all(text.isdigit() for text in sys.argv[4:])
    if not is_usable or "PASSWORD" not in os.environ:
        sys.exit(print(__doc__, file=sys.stderr) or 2)
    main(*sys.argv[1:])
