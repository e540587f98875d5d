import { request } from "@/lib/api";
import type { Basket } from "@/lib/basket";

export type Customer = {
  email: string;
  password: string;
  fullName: string;
  country: string;
  street: string;
  postalCode: string;
  city: string;
  consent: boolean;
};

type AccessToken = { token: string; expiresInSeconds: number };

export type Subscription = { id: string; plan: string; status: string; priceOre: number };

/** Opens the account and starts the subscription. The token lives as long as this call and is stored nowhere. */
export async function order(customer: Customer, basket: Basket): Promise<Subscription> {
  const { street, postalCode, city, ...account } = customer;
  const { token } = await request<AccessToken>("/auth/register", {
    method: "POST",
    body: JSON.stringify(account),
  });
  return request<Subscription>("/subscriptions", {
    method: "POST",
    headers: { Authorization: `Bearer ${token}` },
    body: JSON.stringify({ ...basket, street, postalCode, city }),
  });
}
