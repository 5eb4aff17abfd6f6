"""What Schemathesis must know beside the document: texts that a pattern cannot describe.

Used by `schemathesis.toml`. Nothing is left out of the checks: check digits and cursors are made
right where a call is meant to be right.
"""

import itertools
from datetime import datetime, timezone

import schemathesis
from hypothesis import strategies as st


def base62(number):
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    text = ""
    for _ in range(11):
        number, digit = divmod(number, 62)
        text = digits[digit] + text
    return text


def gtin13(number):
    digits = f"{number:012}"
    total = sum(int(d) * w for d, w in zip(digits, (1, 3) * 6))
    return f"{digits}{-total % 10}"


# A leading 2 would be an in-store code, and 02 and 04 likewise.
gtins = st.integers(300_000_000_000, 999_999_999_999).map(gtin13)
skus = st.from_regex(r"[0-9A-Z]{1,12}", fullmatch=True)
# Properties that a catalog may have, among the other things that can be counted.
facets = st.sampled_from(["brand", "category_id", "price", "availability", "attr.energy_class", "attr.Couleur"])
kinds = {"product": "prd", "category": "cat", "store": "sto", "promotion": "prm", "export": "exp", "key": "key"}
texts = {"gtin": gtins, "sku": skus, "facet": facets}
for kind, prefix in kinds.items():
    ids = st.integers(0, 2**64 - 1)
    texts[f"{kind}-id"] = ids.map(lambda number, prefix=prefix: f"{prefix}_{base62(number)}")
for name, values in texts.items():
    schemathesis.openapi.format(name, values)
    several = st.lists(values, min_size=1, max_size=12, unique=True).map(",".join)
    schemathesis.openapi.format(f"{name}-list", several)
schemathesis.openapi.format("position", st.integers(0, 50_000).map(str))
schemathesis.openapi.format("country", st.sampled_from(["FR", "ES", "GB"]))
# Years that shops have seen; a span from one to the other may still be too long or backwards.
instants = st.datetimes(datetime(2024, 1, 1), datetime(2027, 12, 31), timezones=st.just(timezone.utc))
schemathesis.openapi.format("date-time", instants.map(datetime.isoformat))


def is_product(path):
    """Whether a path is one product: there `store_id` says of which stores to embed."""
    ends = ("{product_id}", "{gtin}", "{sku}", "/lookup")
    return path.endswith(ends)


@schemathesis.serializer("application/x-ndjson")
def lines(context, value):
    """What is sent line by line is one text."""
    return value if isinstance(value, bytes) else str(value).encode()


turns = itertools.count()


def ask_for_a_form(case):
    """Each media type of an answer is asked for in its turn; the check of media types sees what comes."""
    answer = case.operation.definition.raw.get("responses", {}).get("200", {})
    forms = sorted(answer.get("content", {}))
    if len(forms) > 1 and case.headers is not None:
        case.headers["Accept"] = forms[next(turns) % len(forms)]


@schemathesis.hook
def before_call(context, case, kwargs):
    """A cursor is right only in the `next` of a page, so a call that is meant to be right has none."""
    ask_for_a_form(case)
    meta = getattr(case, "meta", None)
    if meta is not None and meta.generation.mode.is_negative:
        return
    # A key goes with one call, so each that is meant to be right has one of its own.
    if case.headers is not None and "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = f"judge-{next(turns)}"
    for asked in (case.query, case.body):
        if isinstance(asked, dict):
            asked.pop("cursor", None)
            # A projection leaves out fields that the whole document has; its names are the
            # document's, which no pattern says. Tests of the program cover it.
            asked.pop("fields", None)
            # What needs another parameter beside it or none.
            if "lat" in asked and "lon" in asked and "product_id" in asked:
                asked.pop("gtin", None)
            if "open_now" in asked:
                asked.pop("open_at", None)
            # What was deleted is told of an instant on, and by no other filter.
            if str(asked.get("include_deleted", "")).lower() == "true":
                beside = {"include_deleted", "updated_since", "limit"}
                if "updated_since" in asked:
                    others = [name for name in asked if name not in beside]
                    for name in others:
                        del asked[name]
                else:
                    del asked["include_deleted"]
            # Waiting for a change that never comes shows nothing but patience.
            asked.pop("wait_s", None)
            if asked.get("embed") and str(asked.get("limit", "")).isdigit():
                asked["limit"] = min(int(asked["limit"]), 50)
            embedded = str(asked.get("embed") or "")
            if is_product(case.path) and not ("offers" in embedded or "stock" in embedded):
                asked.pop("store_id", None)
