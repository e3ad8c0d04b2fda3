-- The name that an identity's provider had in the configuration when the account got it, so that it
-- can be named once the provider is configured no more (3.1.3). Empty: from before this was stored.
ALTER TABLE identities ADD COLUMN provider TEXT NOT NULL DEFAULT '';
