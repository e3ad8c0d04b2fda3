\set account random(1, {accounts})
\set asset random(1, 100)
\set price random(1000000, 500000000)
BEGIN;
INSERT INTO transactions (account, side, status, symbol, quantity, price, total)
    VALUES (:account, 1, 1, 'SIM' || :asset, 1000000, :price, :price);
UPDATE balances SET cash = cash - :price WHERE account = :account;
INSERT INTO positions (account, symbol, quantity, cost) VALUES (:account, 'SIM' || :asset, 1000000, :price)
    ON CONFLICT (account, symbol) DO UPDATE
    SET quantity = positions.quantity + excluded.quantity, cost = positions.cost + excluded.cost;
COMMIT;
