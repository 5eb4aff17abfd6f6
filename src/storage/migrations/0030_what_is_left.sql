-- An account that is suspended because the OpenID provider gives its person no role any more: a login with one
-- ends that, as it ends no other suspension.
ALTER TABLE accounts ADD COLUMN barred BOOLEAN NOT NULL DEFAULT FALSE;

-- The token with which a token was made; empty where none was. What a leaked one has made is found by it.
ALTER TABLE admin_tokens ADD COLUMN made_with TEXT NOT NULL DEFAULT '';
CREATE INDEX admin_tokens_made_with ON admin_tokens (made_with);
-- Of those of before the audit log knows: an actor is the id of a token, or begins with it and says who approved.
UPDATE admin_tokens SET made_with = COALESCE((SELECT SUBSTR(l.actor, 1, 15) FROM audit_log l
    WHERE l.subject = admin_tokens.id AND l.action = 'admin_token.create' AND SUBSTR(l.actor, 1, 4) = 'adm_'
    ORDER BY l.position LIMIT 1), '');
