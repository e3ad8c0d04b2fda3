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


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5):
        sys.exit(print(__doc__, file=sys.stderr) or 2)
    servers, username, symbol, *updates = sys.argv[1:]
    with papertrader.Client(*servers.split(",")) as client:
        client.login(username, os.environ["PASSWORD"])
        book = trade(client, symbol, int(updates[0]) if updates else None)
        print("cash {cash} units {units} fills {fills}".format(**book))
