"""Walks the catalog with the client that openapi-python-client makes of the document: every product
once, then one product with its offers and its stock."""

import os
import sys
from urllib.parse import parse_qs, urlsplit

from comptoir_partner_api_client import AuthenticatedClient
from comptoir_partner_api_client.api.offers import list_product_offers
from comptoir_partner_api_client.api.products import get_product, list_products
from comptoir_partner_api_client.api.stock import list_product_stock
from comptoir_partner_api_client.models import Problem
from comptoir_partner_api_client.types import UNSET

client = AuthenticatedClient(base_url=os.environ["COMPTOIR_URL"], token=os.environ["COMPTOIR_KEY"])


def good(answer):
    if answer is None or isinstance(answer, Problem):
        sys.exit(f"no answer: {answer}")
    return answer


seen, cursor = set(), UNSET
while True:
    page = good(list_products.sync(client=client, limit=200, cursor=cursor))
    seen.update(product.id for product in page.items)
    if not page.next_:
        break
    cursor = parse_qs(urlsplit(page.next_).query)["cursor"][0]

first = next(iter(seen))
product = good(get_product.sync(first, client=client))
offers = good(list_product_offers.sync(first, client=client))
stock = good(list_product_stock.sync(first, client=client))
missing = get_product.sync("prd_00000000000", client=client)
if not isinstance(missing, Problem) or missing.code != "not_found":
    sys.exit("a problem is not typed")
price = offers.items[0].price.amount if offers.items else "nothing yet"
print(f"Python: {len(seen)} products; {product.name} costs {price}, {len(stock.items)} stores tell its stock")
