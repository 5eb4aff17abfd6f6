-- What a node has derived from this database and keeps in files of its own: each state of such a copy holds
-- a token that stands here. A copy whose token does not was not made from what this database is now.
CREATE TABLE derived_state (
    node  TEXT NOT NULL,
    kind  TEXT NOT NULL,
    token TEXT NOT NULL,
    PRIMARY KEY (node, kind, token)
);
