-- `secret`: a keyed digest of the secret that was found, or of what ends it, wherever that was, so that the first find
-- of each is told. NULL where it had ended by then, and in older rows.
ALTER TABLE key_leaks ADD COLUMN secret TEXT;
ALTER TABLE admin_token_leaks ADD COLUMN secret TEXT;
