// Walks the catalog with the client that openapi-typescript and openapi-fetch make of the document:
// every product once, then one product with its offers and its stock.
import createClient from "openapi-fetch";
import type { paths } from "./schema.js";

const [baseUrl, key] = [process.env.COMPTOIR_URL, process.env.COMPTOIR_KEY];
if (!baseUrl || !key) throw new Error("set COMPTOIR_URL and COMPTOIR_KEY");
// Answers have other media types too; this client asks for JSON, as all do that say nothing.
const client = createClient<paths, "application/json" | "application/problem+json">({ baseUrl, headers: { Authorization: `Bearer ${key}` } });

const seen = new Set<string>();
let cursor: string | undefined;
do {
  const { data, error } = await client.GET("/v1/products", {
    params: { query: { limit: 200, cursor } },
  });
  if (error) throw new Error(`${error.code}: ${error.detail}`);
  for (const product of data.items) seen.add(product.id);
  cursor = data.next
    ? (new URL(data.next, baseUrl).searchParams.get("cursor") ?? undefined)
    : undefined;
} while (cursor);

const [first] = seen;
if (!first) throw new Error("the catalog is empty");
const path = { product_id: first };
const product = await client.GET("/v1/products/{product_id}", { params: { path } });
const offers = await client.GET("/v1/products/{product_id}/offers", { params: { path } });
const stock = await client.GET("/v1/products/{product_id}/stock", { params: { path } });
if (!product.data || !offers.data || !stock.data) throw new Error("a product cannot be read");
const price: string | undefined = offers.data.items[0]?.price.amount;

const missing = await client.GET("/v1/products/{product_id}", {
  params: { path: { product_id: "prd_00000000000" } },
});
if (missing.error?.code !== "not_found") throw new Error("a problem is not typed");
console.log(
  `TypeScript: ${seen.size} products; ${product.data.name} costs ${price ?? "nothing yet"}, ` +
    `${stock.data.items.length} stores tell its stock`,
);
