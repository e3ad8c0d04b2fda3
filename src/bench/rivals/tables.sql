-- The tables of an order, with the indexes that our own ledger keeps for the same questions: an account's
-- history, and its positions by symbol.
CREATE TABLE balances (account bigint PRIMARY KEY, cash bigint NOT NULL CHECK (cash >= 0));
CREATE TABLE positions (
    account bigint NOT NULL,
    symbol text NOT NULL,
    quantity bigint NOT NULL CHECK (quantity > 0),
    cost bigint NOT NULL CHECK (cost >= 0),
    PRIMARY KEY (account, symbol)
);
CREATE TABLE transactions (
    number bigserial PRIMARY KEY,
    account bigint NOT NULL,
    side smallint NOT NULL,
    status smallint NOT NULL,
    symbol text NOT NULL,
    quantity bigint NOT NULL,
    price bigint NOT NULL,
    total bigint NOT NULL,
    accepted timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX transactions_history ON transactions (account, number);
INSERT INTO balances SELECT n, 1000000000000000 FROM generate_series(1, {accounts}) n;
