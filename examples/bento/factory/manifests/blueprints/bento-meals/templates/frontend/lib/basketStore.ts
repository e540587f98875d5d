import type { Basket } from "@/lib/basket";

const KEY = "bento.basket";

/** Keeps the basket for this browser tab only. Damaged content counts as no basket. */
export function loadBasket(): Basket | null {
  try {
    const value: unknown = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
    const basket = value as Basket | null;
    return basket && typeof basket.plan === "string" && Array.isArray(basket.meals) ? basket : null;
  } catch {
    return null;
  }
}

export function saveBasket(basket: Basket): void {
  sessionStorage.setItem(KEY, JSON.stringify(basket));
}

export function clearBasket(): void {
  sessionStorage.removeItem(KEY);
}
