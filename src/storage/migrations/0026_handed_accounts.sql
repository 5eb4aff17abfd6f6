-- Who was handed the first password of an account when they claimed it (`approvals`): they and the account's
-- person count as one where a second person is needed. Empty: nobody, or the command line.
ALTER TABLE accounts ADD COLUMN handed_to TEXT NOT NULL DEFAULT '';
