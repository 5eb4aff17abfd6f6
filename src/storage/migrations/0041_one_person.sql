-- The address of mail that the OpenID provider tells of an account, in lower case. With the account whose login it is,
-- it counts as one person where a second person is needed; it lets nobody in.
ALTER TABLE accounts ADD COLUMN email TEXT;

-- What waits is listed from the newest on, counted by person, and what is old is forgotten.
CREATE INDEX approvals_asked ON approvals (asked_at, id);
CREATE INDEX approvals_standing ON approvals (status, asked_at, id);
CREATE INDEX approvals_person ON approvals (asked_person, status);
